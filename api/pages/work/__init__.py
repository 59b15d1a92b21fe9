"""The pages of the work list: what is to be done, one item, and what a person says of it."""
