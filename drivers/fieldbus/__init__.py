"""Shared by the drivers of every protocol: errors, readings, circuit breaker, limits of writes."""
