"""Collection of readings: polls, changes of value, trend logs, files, pushes; their retention."""
