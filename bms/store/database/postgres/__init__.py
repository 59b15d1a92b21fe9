"""PostgreSQL: many processes on many hosts share one database."""
