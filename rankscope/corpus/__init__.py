"""Where documents come from: loaders, the chunker, the store of texts."""
