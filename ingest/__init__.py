"""Fetches what providers publish and turns it into records; every payload is kept."""
