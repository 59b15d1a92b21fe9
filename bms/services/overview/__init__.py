"""How every building stands now, and what of it a person has to look at."""
