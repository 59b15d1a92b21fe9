"""The overview: what needs a person, every building in one table, and the saving of all."""
