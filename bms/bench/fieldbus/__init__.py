"""Fieldbus."""
