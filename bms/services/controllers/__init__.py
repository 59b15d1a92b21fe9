"""Controllers that fetch their setpoint schedule by themselves, and say what they applied."""
