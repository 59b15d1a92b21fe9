"""Benchmarks with their rivals."""
