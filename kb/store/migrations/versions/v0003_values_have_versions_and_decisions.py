"""Values say where they stand among those entered for the same thing, people decide between them,
and what a study record said before it changed is kept. Records are found by key alone too.

Nothing was entered twice before: all values held stand alone.
"""

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"
branch_labels = None
depends_on = None

STATUS = "status IN ('single', 'agreed', 'confirming', 'disputed', 'adjudicated', 'corrected', 'superseded', 'withdrawn')"
WITHDRAWN = "(status = 'withdrawn') = (withdrawn_at IS NOT NULL)"


def upgrade() -> None:
    # Plain statements: a batch would copy the table, to which others refer.
    time = "DATETIME" if op.get_bind().dialect.name == "sqlite" else "TIMESTAMP WITH TIME ZONE"
    for table in ("result", "adverse_event"):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN status VARCHAR DEFAULT 'single' NOT NULL"
            f" CONSTRAINT ck_{table}_status CHECK ({STATUS})"
        )
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN withdrawn_at {time}"
            f" CONSTRAINT ck_{table}_withdrawn CHECK ({WITHDRAWN})"
        )
    op.add_column("record", sa.Column("who", sa.String(), nullable=True))
    op.add_column("record", sa.Column("why", sa.Text(), nullable=True))
    op.create_index(op.f("ix_record_key"), "record", ["key"])
    op.create_table(
        "record_version",
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("payload_id", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("ck_record_version_version")),
        sa.ForeignKeyConstraint(
            ["payload_id"], ["payload.id"], name=op.f("fk_record_version_payload_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_record_version_record_id")
        ),
        sa.PrimaryKeyConstraint("record_id", "version", name=op.f("pk_record_version")),
    )
    op.create_index(op.f("ix_record_version_payload_id"), "record_version", ["payload_id"])
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('correction', 'adjudication')", name=op.f("ck_decision_kind")),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_decision_record_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_decision_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
        sa.UniqueConstraint("record_id", name=op.f("uq_decision_record_id")),
    )
    op.create_index(op.f("ix_decision_study_id"), "decision", ["study_id"])
    op.create_table(
        "decision_input",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("result_id", sa.Integer(), nullable=True),
        sa.Column("adverse_event_id", sa.Integer(), nullable=True),
        sa.Column("claim_sha256", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(result_id IS NULL) <> (adverse_event_id IS NULL)",
            name=op.f("ck_decision_input_one_subject"),
        ),
        sa.ForeignKeyConstraint(
            ["adverse_event_id"],
            ["adverse_event.id"],
            name=op.f("fk_decision_input_adverse_event_id"),
        ),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["decision.id"], name=op.f("fk_decision_input_decision_id")
        ),
        sa.ForeignKeyConstraint(
            ["result_id"], ["result.id"], name=op.f("fk_decision_input_result_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision_input")),
        sa.UniqueConstraint("adverse_event_id", name=op.f("uq_decision_input_adverse_event_id")),
        sa.UniqueConstraint("result_id", name=op.f("uq_decision_input_result_id")),
    )
    op.create_index(op.f("ix_decision_input_decision_id"), "decision_input", ["decision_id"])


def downgrade() -> None:
    op.drop_table("decision_input")
    op.drop_table("decision")
    op.drop_table("record_version")
    op.drop_index(op.f("ix_record_key"), "record")
    op.drop_column("record", "why")
    op.drop_column("record", "who")
    for table in ("adverse_event", "result"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(f"ck_{table}_withdrawn", type_="check")
            batch_op.drop_constraint(f"ck_{table}_status", type_="check")
            batch_op.drop_column("withdrawn_at")
            batch_op.drop_column("status")
