"""Measurement and verification: pure functions from series to savings."""
