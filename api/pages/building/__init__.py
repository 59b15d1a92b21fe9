"""The pages of one building: one line that stays, and a tab for each question."""
