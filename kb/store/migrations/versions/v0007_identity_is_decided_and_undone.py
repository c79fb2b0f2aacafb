"""Records are compared by what they say, people decide about pairs, and merges can be undone.

Keys of the records held already are written by `kb.store.identity_index`, which needs their text.
"""

import sqlalchemy as sa
from alembic import op

revision = "v0007"
down_revision = "v0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reference", sa.Column("matched_by", sa.Text(), nullable=True))
    op.create_table(
        "record_key",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        _refers("record_key", "record_id", "record"),
        sa.PrimaryKeyConstraint("key", "record_id", name=op.f("pk_record_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "reference_key",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _refers("reference_key", "record_id", "record"),
        sa.PrimaryKeyConstraint("key", "record_id", "position", name=op.f("pk_reference_key")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "identity_pair",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence_for", sa.JSON(), nullable=False),
        sa.Column("evidence_against", sa.JSON(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "verdict IN ('same', 'unsure', 'linked')", name=op.f("ck_identity_pair_verdict")
        ),
        sa.CheckConstraint("record_id < other_id", name=op.f("ck_identity_pair_order")),
        _refers("identity_pair", "record_id", "record"),
        _refers("identity_pair", "other_id", "record"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_pair")),
        sa.UniqueConstraint(
            "record_id", "other_id", name=op.f("uq_identity_pair_record_id_other_id")
        ),
    )
    op.create_table(
        "identity_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.Column("identifier", sa.String(), nullable=True),
        sa.Column("work_id", sa.Integer(), nullable=True),
        sa.Column("other_record_id", sa.Integer(), nullable=True),
        sa.Column("other_position", sa.Integer(), nullable=True),
        sa.Column("other_identifier", sa.String(), nullable=True),
        sa.Column("other_work_id", sa.Integer(), nullable=True),
        sa.Column("payload_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=True),
        sa.Column("withdrawn_why", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('same', 'different')", name=op.f("ck_identity_decision_kind")),
        sa.CheckConstraint(
            "(record_id IS NULL) <> (identifier IS NULL)",
            name=op.f("ck_identity_decision_one_side"),
        ),
        sa.CheckConstraint(
            "(other_record_id IS NULL) <> (other_identifier IS NULL)",
            name=op.f("ck_identity_decision_other_side"),
        ),
        sa.CheckConstraint(
            "(withdrawn_at IS NULL) = (withdrawn_by IS NULL)"
            " AND (withdrawn_at IS NULL) = (withdrawn_why IS NULL)",
            name=op.f("ck_identity_decision_withdrawn"),
        ),
        _refers("identity_decision", "record_id", "record"),
        _refers("identity_decision", "other_record_id", "record"),
        _refers("identity_decision", "work_id", "work"),
        _refers("identity_decision", "other_work_id", "work"),
        _refers("identity_decision", "payload_id", "payload"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_decision")),
    )
    op.create_table(
        "work_merge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("survivor_id", sa.Integer(), nullable=False),
        sa.Column("loser_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=True),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        _refers("work_merge", "survivor_id", "work"),
        _refers("work_merge", "loser_id", "work"),
        _refers("work_merge", "decision_id", "identity_decision"),
        _refers("work_merge", "record_id", "record"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_merge")),
    )
    for table, column in _INDEXED:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


_INDEXED = (
    ("record_key", "record_id"),
    ("reference_key", "record_id"),
    ("identity_pair", "other_id"),
    ("identity_decision", "record_id"),
    ("identity_decision", "identifier"),
    ("identity_decision", "work_id"),
    ("identity_decision", "other_record_id"),
    ("identity_decision", "other_identifier"),
    ("identity_decision", "other_work_id"),
    ("identity_decision", "payload_id"),
    ("work_merge", "survivor_id"),
    ("work_merge", "loser_id"),
    ("work_merge", "decision_id"),
    ("work_merge", "record_id"),
)


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}"))


def downgrade() -> None:
    for table in (
        "work_merge",
        "identity_decision",
        "identity_pair",
        "reference_key",
        "record_key",
    ):
        op.drop_table(table)
    op.drop_column("reference", "matched_by")
