"""The simulated municipality's run and its table."""
