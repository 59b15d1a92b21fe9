"""Thermal models from history, or why there is none."""
