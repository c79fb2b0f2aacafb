"""Works of every kind that reference files hold, with what only they say."""

import sqlalchemy as sa
from alembic import op

revision = "v0006"
down_revision = "v0005"
branch_labels = None
depends_on = None

_BEFORE = (
    "type IS NULL OR type IN ('article', 'review', 'preprint', 'protocol', 'conference abstract', "
    "'letter', 'editorial', 'case report', 'notice', 'book', 'book chapter', 'thesis', "
    "'dataset', 'other')"
)
_AFTER = (
    "type IS NULL OR type IN ('article', 'review', 'preprint', 'protocol', 'conference abstract', "
    "'conference paper', 'letter', 'editorial', 'case report', 'notice', 'book', 'book chapter', "
    "'thesis', 'dataset', 'report', 'web page', 'patent', 'software', 'other')"
)


def upgrade() -> None:
    _change_check(_BEFORE, _AFTER)
    op.add_column("work", sa.Column("particulars", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("work", "particulars")
    _change_check(_AFTER, _BEFORE)


def _change_check(before: str, after: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f("ck_work_type"), "work")
        op.create_check_constraint(op.f("ck_work_type"), "work", after)
        return
    # SQLite changes a check only by making the table anew, which rows that point to it forbid
    # within a transaction; its manual (ALTER TABLE, section 7) gives this way for such a change.
    # The column added or dropped beside it makes other connections read the schema again.
    op.execute("PRAGMA writable_schema = ON")
    op.execute(
        sa.text(
            "UPDATE sqlite_schema SET sql = replace(sql, :before, :after) WHERE name = 'work'"
        ).bindparams(before=before, after=after)
    )
    op.execute("PRAGMA writable_schema = RESET")
