"""The energy backend of a municipality. This package imports nothing by itself."""
