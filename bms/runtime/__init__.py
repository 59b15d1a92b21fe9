"""Composition root: settings become a wired city, and one job table that time drives."""
