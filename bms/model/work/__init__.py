"""What is to be done at buildings: faults found, and where it could not be looked for them."""
