"""Assessment of savings, key figures and cooling of the portfolio."""
