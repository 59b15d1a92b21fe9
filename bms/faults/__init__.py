"""What is wrong in a building, by rules over its readings: pure."""
