"""Forecast inputs, the building and its thermostats over the horizon."""
