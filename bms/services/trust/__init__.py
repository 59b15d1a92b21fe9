"""Which points of which sites may be written for a plan."""
