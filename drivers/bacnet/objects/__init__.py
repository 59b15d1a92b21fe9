"""BACnet objects beyond points: the device's clock, Schedule and Trend Log."""
