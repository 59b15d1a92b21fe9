"""What people do on the pages: a form, a page that says what will happen, and the outcome."""
