"""Planning: the problem of a site, its plan, and the record of how well models predict."""
