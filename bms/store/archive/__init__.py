"""Months that are old, as Parquet files that other programs read."""
