"""Store-and-forward: readings wait in files on disk while the database is away."""
