"""Commands about savings, meters and trials."""
