"""How far a site is trusted to us: the gate before ``auto``, and the bounds that end it."""
