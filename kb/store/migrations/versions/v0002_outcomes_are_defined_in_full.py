"""Definitions of outcomes say all that the vocabulary says, name the works that define their
instruments, and can be what an outcome without a code is found to be.

Definitions held before are filled in from the vocabulary when the base is next opened to write.
"""

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"
branch_labels = None
depends_on = None

LISTS = ("statistics", "unused", "thresholds", "conditions", "synonyms", "concepts", "unconfirmed")


def upgrade() -> None:
    with op.batch_alter_table("outcome_definition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("variant_of", sa.String(), nullable=True))
        batch_op.add_column(sa.Column("instrument_version", sa.String(), nullable=True))
        for name in LISTS:
            batch_op.add_column(sa.Column(name, sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("source", sa.Text(), nullable=True))

    op.create_table(
        "outcome_work",
        sa.Column("outcome_id", sa.Integer(), nullable=False),
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["outcome_id"], ["outcome_definition.id"], name=op.f("fk_outcome_work_outcome_id")
        ),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_outcome_work_work_id")),
        sa.PrimaryKeyConstraint("outcome_id", "work_id", name=op.f("pk_outcome_work")),
    )
    with op.batch_alter_table("outcome_work", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outcome_work_work_id"), ["work_id"], unique=False)

    op.create_table(
        "outcome_match",
        sa.Column("outcome_id", sa.Integer(), nullable=False),
        sa.Column("definition_id", sa.Integer(), nullable=False),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=True),
        sa.Column("confirmed_by", sa.String(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "category IS NULL OR category IN ('event', 'complement', 'improved', 'stable', 'worsened')",
            name=op.f("ck_outcome_match_category"),
        ),
        sa.CheckConstraint(
            "confidence IS NULL OR (confidence >= 0 AND confidence <= 1)",
            name=op.f("ck_outcome_match_confidence"),
        ),
        sa.ForeignKeyConstraint(
            ["definition_id"],
            ["outcome_definition.id"],
            name=op.f("fk_outcome_match_definition_id"),
        ),
        sa.ForeignKeyConstraint(
            ["outcome_id"], ["outcome_definition.id"], name=op.f("fk_outcome_match_outcome_id")
        ),
        sa.PrimaryKeyConstraint("outcome_id", name=op.f("pk_outcome_match")),
    )
    with op.batch_alter_table("outcome_match", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outcome_match_definition_id"), ["definition_id"], unique=False
        )


def downgrade() -> None:
    op.drop_table("outcome_match")
    op.drop_table("outcome_work")
    with op.batch_alter_table("outcome_definition", schema=None) as batch_op:
        for name in (
            "source", *reversed(LISTS), "instrument_version", "variant_of",
        ):  # fmt: skip
            batch_op.drop_column(name)
