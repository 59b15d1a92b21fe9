"""What processes write that keep readings is for their user alone."""

PRIVATE = 0o077
"""The umask [1] of these processes, and the modes that none of their files has."""
