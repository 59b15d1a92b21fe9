"""The seams between the rooms: what a room needs from its siblings, as protocols."""
