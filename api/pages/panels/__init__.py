"""The parts of a building's page, one module each."""
