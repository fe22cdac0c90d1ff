"""The screen: thin, driven by messages, never in the way of a key."""
