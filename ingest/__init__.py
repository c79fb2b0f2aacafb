"""Fetching what providers publish and turning it into records, with every payload kept."""
