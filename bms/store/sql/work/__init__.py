"""The work list in SQL."""
