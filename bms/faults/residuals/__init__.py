"""Rules against what a learned model expects."""
