"""Non-routine events: detection of steps, outages and changed use."""
