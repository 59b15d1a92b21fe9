"""Commands about sites, devices, points and plans."""
