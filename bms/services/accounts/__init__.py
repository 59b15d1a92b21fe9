"""Energy accounts: what buildings used in a year, and how well their meters were read."""
