"""What is checked between the sections of a site file: references, limits, ways of release."""
