"""One file a format that traces are read from or written to."""
