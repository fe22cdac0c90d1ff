"""Logs of any shape: a mapping says what each part means, and a first one can be guessed."""
