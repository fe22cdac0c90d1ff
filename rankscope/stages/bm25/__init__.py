"""Lexical retrieval: tokenizer, Okapi statistics compiled to postings, explanation."""
