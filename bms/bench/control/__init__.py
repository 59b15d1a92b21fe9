"""The way to the controllers under load: release of a city, an idle tick, a killed writer."""
