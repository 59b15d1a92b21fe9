"""Files of plants and meters in columns: which column is what, in which unit."""
