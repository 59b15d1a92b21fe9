"""The chains of evidence in SQL: what they prove, how they grow, and whether they still hold."""
