"""The roles of storage in SQL, one file each."""
