"""The verbs: one file each, as ``tick(now)`` functions that never sleep and never ask the time."""
