"""Faults of every kind at simulated buildings, and the write contract watched from outside."""
