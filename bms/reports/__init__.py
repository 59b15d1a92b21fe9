"""Charts and files from data: data in, bytes out."""
