"""Merging ranked lists."""
