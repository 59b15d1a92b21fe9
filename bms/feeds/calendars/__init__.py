"""Calendars of halls: iCalendar files and addresses, and what is booked in them."""
