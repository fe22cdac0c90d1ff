"""External engines and rerankers, one file each, loaded by name."""
