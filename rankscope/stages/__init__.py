"""The stages of a query in the order in which it passes them: bm25 and dense, fusion, rerank, threshold."""
