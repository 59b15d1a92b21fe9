"""Finds devices and their objects on a network or in an EDE file, and drafts a site file."""
