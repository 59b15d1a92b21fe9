"""The portfolios of several backends beside each other: answers, routes and the page."""
