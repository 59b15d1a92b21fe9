"""Thermal network, sun, ventilation, state estimate and history."""
