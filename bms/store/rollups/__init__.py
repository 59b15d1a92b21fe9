"""Roll-ups of readings by quarter, hour and local day, and the series that are made of them."""
