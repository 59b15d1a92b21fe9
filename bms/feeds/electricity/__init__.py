"""Electricity: day-ahead prices and CO2 emission factors of Energi Data Service."""
