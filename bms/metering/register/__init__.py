"""From cumulative registers to use: chains, exchanges, rollovers, usual rates."""
