"""Two workers that share the sites of a database: one killed again and again, and other faults."""
