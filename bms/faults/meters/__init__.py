"""Rules that the hourly meters and the weather alone can answer."""
