"""The functional tests of writable points, and their signed records."""
