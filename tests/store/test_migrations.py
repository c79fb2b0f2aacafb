"""The schema that migrations build is the one the tables declare."""

import multiprocessing
from multiprocessing.synchronize import Barrier
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlmodel import select

from kb.models.tables import OutcomeDefinition, metadata
from kb.store import migrations
from kb.store.definitions import store_vocabulary
from kb.store.engine import Store
from kb.store.migrate import migrate


def schema(store: Store) -> dict[str, set[str]]:
    """Columns by table."""
    with store.reading() as session:
        found = sa.inspect(session.connection())
        return {
            name: {column["name"] for column in found.get_columns(name)}
            for name in found.get_table_names()
        }


def test_migrations_build_what_the_tables_declare(database_url: str) -> None:
    store = Store(database_url)
    migrate(store)
    with store.writing() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    store.close()


def constraints(connection: sa.Connection) -> set[tuple[str, str | None]]:
    """(table, name) of every check, unique and foreign key constraint."""
    found = sa.inspect(connection)
    return {
        (table, constraint["name"])
        for table in metadata.tables
        for constraint in (
            *found.get_check_constraints(table),
            *found.get_unique_constraints(table),
            *found.get_foreign_keys(table),
        )
    }


def test_migrations_build_every_constraint_the_tables_declare(
    database_url: str, tmp_path: Path
) -> None:
    """Also checks, which a comparison of schemas does not see."""
    store = Store(database_url)
    migrate(store)
    with store.writing() as session:
        held = constraints(session.connection())
    declared = {
        (table.name, str(constraint.name))
        for table in metadata.tables.values()
        for constraint in table.constraints
        if not isinstance(constraint, sa.PrimaryKeyConstraint)
    }
    assert held == declared
    store.close()


def test_checks_say_what_the_tables_say(tmp_path: Path) -> None:
    """Word for word: SQLite keeps the text of a check as it was written."""
    migrated = Store(f"sqlite:///{tmp_path / 'migrated.sqlite3'}")
    migrate(migrated)
    declared = Store(f"sqlite:///{tmp_path / 'declared.sqlite3'}")
    with declared.writing() as session:
        metadata.create_all(session.connection())
    told = []
    for store in (migrated, declared):
        with store.reading() as session:
            found = sa.inspect(session.connection())
            told.append(
                {
                    (table, check["name"], check["sqltext"])
                    for table in metadata.tables
                    for check in found.get_check_constraints(table)
                }
            )
        store.close()
    assert told[0] == told[1]


def test_a_second_migration_changes_nothing(database_url: str) -> None:
    store = Store(database_url)
    migrate(store)
    before = schema(store)
    migrate(store)
    assert schema(store) == before
    store.close()


def migrate_at_once(url: str, together: Barrier) -> None:
    store = Store(url)
    together.wait(timeout=60)
    migrate(store)
    store.close()


def test_processes_that_start_together_migrate_once(database_url: str) -> None:
    spawning = multiprocessing.get_context("spawn")
    together = spawning.Barrier(3)
    processes = [
        spawning.Process(target=migrate_at_once, args=(database_url, together)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=120)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    store = Store(database_url)
    assert schema(store).keys() == metadata.tables.keys() | {"alembic_version"}
    store.close()


def test_outcomes_held_before_they_were_defined_in_full_are_kept(database_url: str) -> None:
    """Results refer to definitions, so that the table must not be made anew under them."""
    store = Store(database_url)
    with store.writing() as session:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__path__[0])))
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "v0001")
        session.execute(
            sa.text(
                "INSERT INTO outcome_definition (code, title, version)"
                " VALUES ('EDSS', 'Expanded Disability Status Scale', '1')"
            )
        )
    migrate(store)
    with store.reading() as session:
        held = session.exec(select(OutcomeDefinition)).one()
        assert (held.title, held.synonyms, held.thresholds) == (
            "Expanded Disability Status Scale", None, None,
        )  # fmt: skip
    assert store_vocabulary(store) > 0
    with store.reading() as session:
        edss = select(OutcomeDefinition).where(OutcomeDefinition.code == "EDSS")
        assert session.exec(edss).one().unused == [0.5]
    store.close()
