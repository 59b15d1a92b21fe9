"""Benchmarks of the drivers against stock clients."""
