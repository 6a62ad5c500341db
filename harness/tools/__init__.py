"""One module for each outside tool or API: typed in, typed out."""

from typing import Any

Json = dict[str, Any]
