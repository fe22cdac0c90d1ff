"""Traces on disk: the store, its migrations, the recorder, the formats."""
