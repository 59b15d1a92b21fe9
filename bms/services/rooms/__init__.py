"""Rooms: whether their sensors still tell their temperature, and which lever needs to know."""
