"""Weather: forecasts of DMI, MET Norway and Open-Meteo, and observations of DMI's stations."""
