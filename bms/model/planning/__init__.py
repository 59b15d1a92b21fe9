"""Problems, schedules, plans, grids, feeds and charges."""
