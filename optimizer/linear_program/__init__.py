"""The sparse linear program of a plan, on HiGHS."""
