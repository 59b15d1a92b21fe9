"""The ``bms`` command."""

from bms.cli.main import main

__all__ = ["main"]
