"""Meter data in the files and responses of suppliers: bytes in, rows and mistakes out."""
