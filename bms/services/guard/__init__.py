"""The two guard processes of a journal: places, succession, supervision by the backend."""
