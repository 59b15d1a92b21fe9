"""A store in memory: the fake of every test, role by role."""
