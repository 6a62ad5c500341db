"""One module for each outside tool or API: typed in, typed out."""
