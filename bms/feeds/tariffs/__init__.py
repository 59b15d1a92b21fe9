"""Tariffs of electricity and district heating, from a dated table and Energinet's price list."""
