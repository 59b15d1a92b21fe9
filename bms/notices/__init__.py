"""Notices of the work list: their file, their texts, and the ways by which they go."""
