"""What is there: sites, zones, equipment, devices, points and their addresses."""
