"""From a problem to its schedule: candidates, costs, selection."""
