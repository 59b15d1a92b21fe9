"""Commands, leases, receipts, overrides, bookings and retention."""
