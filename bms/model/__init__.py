"""The nouns of the product: frozen dataclasses without any input or output."""
