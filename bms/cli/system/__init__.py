"""Commands that run and keep the system."""
