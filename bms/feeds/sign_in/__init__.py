"""People whom a provider of sign-ins knows."""
