"""The databases that are served (SQLite, PostgreSQL): connections, tables, errors, backup."""
