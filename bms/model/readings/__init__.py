"""Readings, series, roll-ups and units."""
