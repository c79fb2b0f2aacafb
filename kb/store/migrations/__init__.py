"""Alembic's folder: one change of meaning per version, run on both databases in tests."""
