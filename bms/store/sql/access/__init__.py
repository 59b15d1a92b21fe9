"""Keys, people who sign in and their sessions in SQL."""
