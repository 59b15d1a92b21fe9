"""Ranking, key figures, cooling fees and primary energy of many buildings."""
