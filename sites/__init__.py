"""Site files (YAML): their schema, the rules between their parts, and the loader of sites."""
