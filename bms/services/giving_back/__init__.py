"""Giving points back: one, many, and what is held at a device that is gone."""
