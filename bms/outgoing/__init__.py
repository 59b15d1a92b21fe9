"""Requests that leave for the web: bounded in time and size, and to addresses that were checked."""
