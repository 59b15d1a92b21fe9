"""Setpoints."""
