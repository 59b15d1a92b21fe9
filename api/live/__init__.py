"""What changes at buildings, told as it happens."""
