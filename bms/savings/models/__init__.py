"""Baseline models and their uncertainty."""
