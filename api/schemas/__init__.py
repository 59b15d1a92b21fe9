"""Answers and bodies of the API, by subject."""
