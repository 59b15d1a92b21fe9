"""Fault detection rules: pure functions from series to faults."""
