"""The numbers of reports, taken from the same services as the pages and the API."""
