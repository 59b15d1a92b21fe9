"""Switchback trials: design, power, effect and analysis."""
