"""What people say at once: marks beside the journal first, then the building, then the database."""
