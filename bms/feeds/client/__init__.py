"""Fetching from providers: HTTP, rate limits, the disk cache and the archive of series."""
