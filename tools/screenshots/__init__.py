"""Pictures for the documents, from a running demo."""
