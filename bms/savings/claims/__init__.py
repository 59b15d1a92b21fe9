"""From use and baseline to a saving with interval and verdict."""
