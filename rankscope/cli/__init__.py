"""The command line. Each command group is one file, imported when it is called."""

from rankscope.cli.root import main

__all__ = ["main"]
