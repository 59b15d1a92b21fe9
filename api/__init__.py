"""HTTP over the services: what is there, what is planned, what was saved."""
