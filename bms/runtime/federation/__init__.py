"""``bms serve --upstream``: several backends read beside each other."""
