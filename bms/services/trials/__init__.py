"""Switchback trials: design, start and result."""
