"""People at the building: who holds a point there, seen at the device and kept in the book."""
