"""Rules of air handling units, with a mixing box or with heat recovery."""
