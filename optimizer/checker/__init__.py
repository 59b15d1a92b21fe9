"""The independent checker of schedules; it imports none of what it checks."""
