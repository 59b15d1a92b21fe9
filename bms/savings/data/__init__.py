"""Use by the day and hour, screened, with findings."""
