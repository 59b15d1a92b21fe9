"""Which sites this worker owns: claimed, kept by a heartbeat, shared with others, handed over."""
