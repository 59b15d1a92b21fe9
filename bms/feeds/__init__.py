"""Weather, prices, emission factors and tariffs."""
