"""What a building is: schema, loader, calendars and examples."""
