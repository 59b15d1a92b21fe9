"""Electricity."""
