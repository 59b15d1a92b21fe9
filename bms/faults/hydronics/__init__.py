"""Rules of heating water, rooms and heat pumps with control points."""
