"""Linear program."""
