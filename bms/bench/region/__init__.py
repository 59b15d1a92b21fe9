"""A region of many municipalities: simulated in virtual time, and a small one of real processes."""
