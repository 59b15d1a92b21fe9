"""What is kept about people, and who saw it."""
