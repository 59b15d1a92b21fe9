"""Rules of sensors, clocks, schedules and overrides."""
