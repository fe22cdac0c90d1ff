"""The model that every room shares: pure data, standard library only."""
