"""Reading, checking and sanitising problems."""
