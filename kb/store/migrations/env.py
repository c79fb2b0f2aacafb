"""Run by Alembic; the connection comes from `kb.store.migrate`."""

from alembic import context

from kb.models.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
)
context.run_migrations()
