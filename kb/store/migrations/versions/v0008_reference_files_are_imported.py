"""Which reference files were brought in, and what became of their records."""

import sqlalchemy as sa
from alembic import op

revision = "v0008"
down_revision = "v0007"
branch_labels = None
depends_on = None

_COUNTS = (
    "records", "unreadable", "gone_through", "new_works", "joined", "unsure", "changed",
    "unchanged", "unsaved",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "file_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=True),
        sa.Column("payload_id", sa.Integer(), nullable=False),
        sa.Column("who", sa.String(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.ForeignKeyConstraint(
            ["payload_id"], ["payload.id"], name=op.f("fk_file_import_payload_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_import")),
    )
    op.create_index(op.f("ix_file_import_payload_id"), "file_import", ["payload_id"])
    op.add_column("work_funding", sa.Column("country", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("work_funding", "country")
    op.drop_table("file_import")
