"""Inputs of the simulated buildings: archetypes, sizes, occupancy, weather and yearly drift."""
