"""What several of the suites use, and the package does not need."""
