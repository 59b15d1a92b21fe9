"""BACnet encoding (ANSI/ASHRAE 135, clauses 20 and 21): frames, tags, values and services. Pure."""
