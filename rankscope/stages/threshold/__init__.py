"""The relevance floor."""
