"""Meters: from registers and interval amounts to use, pure."""
