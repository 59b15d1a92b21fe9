"""The one work list: what opens and closes its items, what people do with them, and notices."""
