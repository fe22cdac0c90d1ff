"""The cross-encoder: chunked, cancellable, cached."""
