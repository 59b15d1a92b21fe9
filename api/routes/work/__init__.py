"""The work list over HTTP, and its feeds."""
