"""What can go wrong: one small class each, with one method to strike and one to heal."""
