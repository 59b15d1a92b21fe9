"""Changed site files are taken in while the backend runs."""
