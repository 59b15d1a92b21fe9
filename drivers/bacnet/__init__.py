"""Bacnet."""
