"""Wired M-Bus (EN 13757-2 and -3) through transparent TCP gateways and serial lines."""
