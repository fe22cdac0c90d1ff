"""Measurements of this machine beside the stock libraries: ratios from one run, scores compared.

Nothing here is a test: a time depends on the machine, a ratio measured side by side much less.
"""
