"""What every command shares: screen, progress, errors, language, periods."""
