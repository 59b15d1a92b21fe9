"""The only room with SQL: where readings, plans, commands and keys are kept."""
