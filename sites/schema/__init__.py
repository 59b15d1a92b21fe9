"""What may stand in a site file, and how YAML is read into checked sections with line numbers."""
