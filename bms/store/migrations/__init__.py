"""The steps from one version of the tables to the next; ``bms.store.database.schema`` walks
them."""
