"""Benchmarks of the store against bare databases."""
