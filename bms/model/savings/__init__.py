"""Savings, events and trials."""
