"""Dense retrieval: bi-encoder, vector index, the cache of embeddings."""
