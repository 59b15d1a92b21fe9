"""Reports that are taken away: at once, or made beside the requests."""
