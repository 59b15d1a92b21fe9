"""Benchmarks of identification, plans and whole seasons."""
