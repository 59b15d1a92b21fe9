"""Other backends of ours, read over their API."""
