"""What decisions of plans have been worth, by the heat meter."""
