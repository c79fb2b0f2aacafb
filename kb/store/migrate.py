"""Bringing a database to the current schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from kb.store.engine import Store


def migrate(store: Store) -> None:
    """Create or upgrade the schema, in one transaction; a second call changes nothing.

    Two processes that start together take turns.
    """
    with store.writing() as session:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "head")
