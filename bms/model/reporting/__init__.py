"""Reports: what is asked for, and the tables that every form of a file is written from."""
