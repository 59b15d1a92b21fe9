"""From planned heat and air to setpoints that levers take."""
