"""What is kept, by role: readings, roll-ups, plans, decisions, ledgers, evidence, retention."""
