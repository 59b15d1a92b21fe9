"""Codes of what the optimiser says about plans and problems, and what a plan cannot keep."""
