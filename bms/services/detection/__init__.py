"""Runs the fault rules on what is stored of the buildings."""
