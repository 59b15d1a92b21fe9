"""Benchmarks of savings: accuracy, planted faults, trials."""
