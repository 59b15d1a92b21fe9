"""The two guard processes of a journal: presence, takeover, and how the backend starts them."""
