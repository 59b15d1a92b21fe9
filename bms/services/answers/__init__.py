"""Answers that are made by a job, kept in the database and read by everybody."""
