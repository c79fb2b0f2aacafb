"""Appraisals of studies, by tool and version."""

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "appraisal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("assessor", sa.String(), nullable=False),
        sa.Column("is_consensus", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("overall", sa.String(), nullable=True),
        sa.Column("overall_support", sa.Text(), nullable=True),
        sa.Column("payload_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["payload_id"], ["payload.id"], name=op.f("fk_appraisal_payload_id")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_appraisal_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appraisal")),
    )
    op.create_index(op.f("ix_appraisal_payload_id"), "appraisal", ["payload_id"])
    op.create_index(op.f("ix_appraisal_study_id"), "appraisal", ["study_id"])
    op.create_table(
        "appraisal_judgement",
        sa.Column("appraisal_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("support", sa.Text(), nullable=True),
        sa.Column("locator", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["appraisal_id"], ["appraisal.id"], name=op.f("fk_appraisal_judgement_appraisal_id")
        ),
        sa.PrimaryKeyConstraint("appraisal_id", "item", name=op.f("pk_appraisal_judgement")),
    )


def downgrade() -> None:
    op.drop_table("appraisal_judgement")
    op.drop_table("appraisal")
