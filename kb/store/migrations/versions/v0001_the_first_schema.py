"""The schema of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "author",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("orcid", sa.String(), nullable=True),
        sa.Column("openalex_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_author")),
        sa.UniqueConstraint("openalex_id", name=op.f("uq_author_openalex_id")),
        sa.UniqueConstraint("orcid", name=op.f("uq_author_orcid")),
    )
    op.create_table(
        "concept",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concept")),
        sa.UniqueConstraint("scheme", "key", name=op.f("uq_concept_scheme_key")),
    )
    op.create_table(
        "derivation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_derivation")),
    )
    op.create_table(
        "funder",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("doi", sa.String(), nullable=True),
        sa.Column("ror", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funder")),
        sa.UniqueConstraint("key", name=op.f("uq_funder_key")),
    )
    op.create_table(
        "payload",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("current_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payload")),
    )
    with op.batch_alter_table("payload", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_payload_request"), ["request"], unique=False, postgresql_using="hash"
        )

    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("acronym", sa.String(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("phenotype", sa.String(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["study.id"], name=op.f("fk_study_merged_into_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study")),
    )
    op.create_table(
        "venue",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("abbreviation", sa.String(), nullable=True),
        sa.Column("publisher", sa.String(), nullable=True),
        sa.Column("nlm_id", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_venue")),
    )
    op.create_table(
        "failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("payload_id", sa.Integer(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["payload_id"], ["payload.id"], name=op.f("fk_failure_payload_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failure")),
    )
    with op.batch_alter_table("failure", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_failure_request"), ["request"], unique=False, postgresql_using="hash"
        )
        batch_op.create_index(batch_op.f("ix_failure_payload_id"), ["payload_id"], unique=False)

    op.create_table(
        "population",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("analysis_set", sa.Text(), nullable=True),
        sa.Column("subgroup", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_population_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_population")),
    )
    with op.batch_alter_table("population", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_population_study_id"), ["study_id"], unique=False)

    op.create_table(
        "timepoint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("anchor", sa.String(), nullable=True),
        sa.Column("days", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_timepoint_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timepoint")),
    )
    with op.batch_alter_table("timepoint", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_timepoint_study_id"), ["study_id"], unique=False)

    op.create_table(
        "venue_key",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("venue_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["venue_id"], ["venue.id"], name=op.f("fk_venue_key_venue_id")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_venue_key")),
    )
    with op.batch_alter_table("venue_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_venue_key_venue_id"), ["venue_id"], unique=False)

    op.create_table(
        "work",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("original_title", sa.Text(), nullable=True),
        sa.Column("abstract", sa.JSON(), nullable=True),
        sa.Column("type", sa.String(), nullable=True),
        sa.Column("types_as_given", sa.JSON(), nullable=False),
        sa.Column("published", sa.String(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("dates", sa.JSON(), nullable=False),
        sa.Column("venue_id", sa.Integer(), nullable=True),
        sa.Column("volume", sa.String(), nullable=True),
        sa.Column("issue", sa.String(), nullable=True),
        sa.Column("pages", sa.String(), nullable=True),
        sa.Column("article_number", sa.String(), nullable=True),
        sa.Column("language", sa.String(), nullable=True),
        sa.Column("license", sa.String(), nullable=True),
        sa.Column("is_open_access", sa.Boolean(), nullable=True),
        sa.Column("open_access_url", sa.Text(), nullable=True),
        sa.Column("is_described", sa.Boolean(), nullable=False),
        sa.Column("is_retracted", sa.Boolean(), nullable=False),
        sa.Column("is_flagged_retracted", sa.Boolean(), nullable=True),
        sa.Column("authors_text", sa.Text(), nullable=True),
        sa.Column("provenance", sa.JSON(), nullable=False),
        sa.Column("merged_into_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "type IS NULL OR type IN ('article', 'review', 'preprint', 'protocol', 'conference abstract', 'letter', 'editorial', 'case report', 'notice', 'book', 'book chapter', 'thesis', 'dataset', 'other')",
            name=op.f("ck_work_type"),
        ),
        sa.ForeignKeyConstraint(
            ["merged_into_id"], ["work.id"], name=op.f("fk_work_merged_into_id")
        ),
        sa.ForeignKeyConstraint(["venue_id"], ["venue.id"], name=op.f("fk_work_venue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work")),
    )
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_work_venue_id"), ["venue_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_work_year"), ["year"], unique=False)

    op.create_table(
        "authorship",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("family", sa.String(), nullable=True),
        sa.Column("given", sa.String(), nullable=True),
        sa.Column("suffix", sa.String(), nullable=True),
        sa.Column("collective", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_corresponding", sa.Boolean(), nullable=True),
        sa.Column("affiliations", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["author.id"], name=op.f("fk_authorship_author_id")),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_authorship_work_id")),
        sa.PrimaryKeyConstraint("work_id", "position", name=op.f("pk_authorship")),
    )
    with op.batch_alter_table("authorship", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_authorship_author_id"), ["author_id"], unique=False)

    op.create_table(
        "cites",
        sa.Column("citing_id", sa.Integer(), nullable=False),
        sa.Column("cited_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["cited_id"], ["work.id"], name=op.f("fk_cites_cited_id")),
        sa.ForeignKeyConstraint(["citing_id"], ["work.id"], name=op.f("fk_cites_citing_id")),
        sa.PrimaryKeyConstraint("citing_id", "cited_id", name=op.f("pk_cites")),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("cites", schema=None) as batch_op:
        batch_op.create_index(
            "ix_cites_cited_id_citing_id", ["cited_id", "citing_id"], unique=False
        )

    op.create_table(
        "coverage",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("claimed", sa.Integer(), nullable=True),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.Column("resolved", sa.Integer(), nullable=False),
        sa.Column("truncated_by", sa.String(), nullable=True),
        sa.Column("observed_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_coverage_work_id")),
        sa.PrimaryKeyConstraint("work_id", "source", "direction", name=op.f("pk_coverage")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("notice_work_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("date", sa.String(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('retraction', 'partial retraction', 'withdrawal', 'removal', 'expression of concern', 'correction', 'reinstatement')",
            name=op.f("ck_notice_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["notice_work_id"], ["work.id"], name=op.f("fk_notice_notice_work_id")
        ),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_notice_work_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_notice_notice_work_id"), ["notice_work_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_notice_work_id"), ["work_id"], unique=False)

    op.create_table(
        "record",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("view", sa.String(), nullable=False),
        sa.Column("work_id", sa.Integer(), nullable=True),
        sa.Column("study_id", sa.Integer(), nullable=True),
        sa.Column("payload_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.String(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "view IN ('work', 'brief', 'references', 'citations', 'study')",
            name=op.f("ck_record_view"),
        ),
        sa.CheckConstraint(
            "work_id IS NULL OR study_id IS NULL", name=op.f("ck_record_one_subject")
        ),
        sa.ForeignKeyConstraint(["payload_id"], ["payload.id"], name=op.f("fk_record_payload_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_record_study_id")),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_record_work_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record")),
        sa.UniqueConstraint("source", "key", "view", name=op.f("uq_record_source_key_view")),
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_record_payload_id"), ["payload_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_record_study_id"), ["study_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_record_work_id"), ["work_id"], unique=False)

    op.create_table(
        "work_concept",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("concept_id", sa.Integer(), nullable=False),
        sa.Column("is_major", sa.Boolean(), nullable=True),
        sa.Column("qualifiers", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["concept_id"], ["concept.id"], name=op.f("fk_work_concept_concept_id")
        ),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_work_concept_work_id")),
        sa.PrimaryKeyConstraint("work_id", "concept_id", name=op.f("pk_work_concept")),
    )
    with op.batch_alter_table("work_concept", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_work_concept_concept_id"), ["concept_id"], unique=False
        )

    op.create_table(
        "work_funding",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("funder_id", sa.Integer(), nullable=False),
        sa.Column("award", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["funder_id"], ["funder.id"], name=op.f("fk_work_funding_funder_id")
        ),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_work_funding_work_id")),
        sa.PrimaryKeyConstraint("work_id", "funder_id", "award", name=op.f("pk_work_funding")),
    )
    with op.batch_alter_table("work_funding", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_work_funding_funder_id"), ["funder_id"], unique=False)

    op.create_table(
        "work_identifier",
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_work_identifier_work_id")),
        sa.PrimaryKeyConstraint("scheme", "value", name=op.f("pk_work_identifier")),
    )
    with op.batch_alter_table("work_identifier", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_work_identifier_work_id"), ["work_id"], unique=False)

    op.create_table(
        "arm",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("is_whole_study", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_arm_record_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_arm_study_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arm")),
        sa.UniqueConstraint("record_id", "key", name=op.f("uq_arm_record_id_key")),
    )
    with op.batch_alter_table("arm", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_arm_study_id"), ["study_id"], unique=False)

    op.create_table(
        "citation_assertion",
        sa.Column("citing_id", sa.Integer(), nullable=False),
        sa.Column("cited_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["citing_id", "cited_id"],
            ["cites.citing_id", "cites.cited_id"],
            name=op.f("fk_citation_assertion_citing_id"),
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_citation_assertion_record_id")
        ),
        sa.PrimaryKeyConstraint(
            "citing_id", "cited_id", "record_id", name=op.f("pk_citation_assertion")
        ),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("citation_assertion", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_citation_assertion_record_id"), ["record_id"], unique=False
        )

    op.create_table(
        "evidence",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("payload_id", sa.Integer(), nullable=False),
        sa.Column("work_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("locator", sa.Text(), nullable=False),
        sa.Column("standing", sa.String(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=True),
        sa.Column("row", sa.String(), nullable=True),
        sa.CheckConstraint(
            "standing IN ('primary_source', 'secondary_source')", name=op.f("ck_evidence_standing")
        ),
        sa.ForeignKeyConstraint(
            ["payload_id"], ["payload.id"], name=op.f("fk_evidence_payload_id")
        ),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_evidence_record_id")),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_evidence_work_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evidence_payload_id"), ["payload_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_record_id"), ["record_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_evidence_work_id"), ["work_id"], unique=False)

    op.create_table(
        "identity_conflict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("scheme", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_identity_conflict_record_id")
        ),
        sa.ForeignKeyConstraint(
            ["work_id"], ["work.id"], name=op.f("fk_identity_conflict_work_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_conflict")),
        sa.UniqueConstraint(
            "record_id",
            "work_id",
            "scheme",
            "value",
            name=op.f("uq_identity_conflict_record_id_work_id_scheme_value"),
        ),
    )
    with op.batch_alter_table("identity_conflict", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_identity_conflict_record_id"), ["record_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_identity_conflict_work_id"), ["work_id"], unique=False)

    op.create_table(
        "notice_assertion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("notice_work_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("asserted_by", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("date", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["notice_id"], ["notice.id"], name=op.f("fk_notice_assertion_notice_id")
        ),
        sa.ForeignKeyConstraint(
            ["notice_work_id"], ["work.id"], name=op.f("fk_notice_assertion_notice_work_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_notice_assertion_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_assertion")),
    )
    with op.batch_alter_table("notice_assertion", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_notice_assertion_notice_id"), ["notice_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_notice_assertion_notice_work_id"), ["notice_work_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_notice_assertion_record_id"), ["record_id"], unique=False
        )

    op.create_table(
        "observation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("metric", sa.String(), nullable=False),
        sa.Column("dimension", sa.String(), nullable=True),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("observed_at", sa.String(), nullable=True),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_observation_record_id")
        ),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_observation_work_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
    )
    with op.batch_alter_table("observation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_observation_record_id"), ["record_id"], unique=False)
        batch_op.create_index(
            "ix_observation_series", ["work_id", "source", "metric"], unique=False
        )

    op.create_table(
        "outcome_definition",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("step", sa.Float(), nullable=True),
        sa.Column("better", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("version", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_outcome_definition_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome_definition")),
        sa.UniqueConstraint("code", name=op.f("uq_outcome_definition_code")),
    )
    with op.batch_alter_table("outcome_definition", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outcome_definition_record_id"), ["record_id"], unique=False
        )

    op.create_table(
        "reference",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("citing_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("cited_id", sa.Integer(), nullable=True),
        sa.Column("identifiers", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("authors", sa.Text(), nullable=True),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("year_text", sa.String(), nullable=True),
        sa.Column("venue", sa.Text(), nullable=True),
        sa.Column("volume", sa.String(), nullable=True),
        sa.Column("pages", sa.String(), nullable=True),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("asserted_by", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["cited_id"], ["work.id"], name=op.f("fk_reference_cited_id")),
        sa.ForeignKeyConstraint(["citing_id"], ["work.id"], name=op.f("fk_reference_citing_id")),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_reference_record_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reference")),
        sa.UniqueConstraint("record_id", "position", name=op.f("uq_reference_record_id_position")),
    )
    with op.batch_alter_table("reference", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reference_cited_id"), ["cited_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_reference_citing_id"), ["citing_id"], unique=False)

    op.create_table(
        "report",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_report_record_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_report_study_id")),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_report_work_id")),
        sa.PrimaryKeyConstraint("work_id", "study_id", "record_id", name=op.f("pk_report")),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_record_id"), ["record_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_report_study_id"), ["study_id"], unique=False)

    op.create_table(
        "study_overlap",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("certainty", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["other_id"], ["study.id"], name=op.f("fk_study_overlap_other_id")),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_study_overlap_record_id")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_study_overlap_study_id")),
        sa.PrimaryKeyConstraint("study_id", "other_id", "record_id", name=op.f("pk_study_overlap")),
    )
    with op.batch_alter_table("study_overlap", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_study_overlap_other_id"), ["other_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_study_overlap_record_id"), ["record_id"], unique=False)

    op.create_table(
        "work_relation",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["other_id"], ["work.id"], name=op.f("fk_work_relation_other_id")),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_work_relation_record_id")
        ),
        sa.ForeignKeyConstraint(["work_id"], ["work.id"], name=op.f("fk_work_relation_work_id")),
        sa.PrimaryKeyConstraint(
            "work_id", "kind", "other_id", "record_id", name=op.f("pk_work_relation")
        ),
    )
    with op.batch_alter_table("work_relation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_work_relation_other_id"), ["other_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_work_relation_record_id"), ["record_id"], unique=False)

    op.create_table(
        "adverse_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("code", sa.String(), nullable=True),
        sa.Column("term", sa.Text(), nullable=True),
        sa.Column("organ_system", sa.String(), nullable=True),
        sa.Column("vocabulary", sa.String(), nullable=True),
        sa.Column("seriousness", sa.String(), nullable=True),
        sa.Column("relatedness", sa.String(), nullable=True),
        sa.Column("severity", sa.String(), nullable=True),
        sa.Column("assessment", sa.String(), nullable=True),
        sa.Column("timepoint_id", sa.Integer(), nullable=True),
        sa.Column("n_at_risk", sa.Integer(), nullable=True),
        sa.Column("persons_affected", sa.Integer(), nullable=True),
        sa.Column("event_count", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Float(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("caveats", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state <> 'reported_zero' OR (COALESCE(persons_affected, 0) = 0 AND COALESCE(event_count, 0) = 0 AND COALESCE(percent, 0) = 0)",
            name=op.f("ck_adverse_event_reported_zero_is_zero"),
        ),
        sa.CheckConstraint(
            "state IN ('reported', 'reported_zero') OR (persons_affected IS NULL AND event_count IS NULL AND percent IS NULL)",
            name=op.f("ck_adverse_event_unreported_has_no_number"),
        ),
        sa.CheckConstraint(
            "state IN ('reported', 'reported_zero', 'not_reported', 'not_measured', 'not_applicable', 'unclear')",
            name=op.f("ck_adverse_event_state"),
        ),
        sa.ForeignKeyConstraint(["arm_id"], ["arm.id"], name=op.f("fk_adverse_event_arm_id")),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_adverse_event_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_adverse_event_record_id")
        ),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_adverse_event_study_id")),
        sa.ForeignKeyConstraint(
            ["timepoint_id"], ["timepoint.id"], name=op.f("fk_adverse_event_timepoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adverse_event")),
        sa.UniqueConstraint("record_id", "key", name=op.f("uq_adverse_event_record_id_key")),
    )
    with op.batch_alter_table("adverse_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adverse_event_arm_id"), ["arm_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_adverse_event_evidence_id"), ["evidence_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_adverse_event_study_id"), ["study_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_adverse_event_timepoint_id"), ["timepoint_id"], unique=False
        )

    op.create_table(
        "arm_description",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("role", sa.String(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("n_randomised", sa.Integer(), nullable=True),
        sa.Column("n_treated", sa.Integer(), nullable=True),
        sa.Column("n_analysed", sa.Integer(), nullable=True),
        sa.Column("n_completed", sa.Integer(), nullable=True),
        sa.Column("comparator", sa.String(), nullable=True),
        sa.Column("caveats", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["arm_id"], ["arm.id"], name=op.f("fk_arm_description_arm_id")),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_arm_description_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_arm_description_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arm_description")),
    )
    with op.batch_alter_table("arm_description", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_arm_description_arm_id"), ["arm_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_arm_description_evidence_id"), ["evidence_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_arm_description_record_id"), ["record_id"], unique=False
        )

    op.create_table(
        "cell_product",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.Column("intervention", sa.Text(), nullable=True),
        sa.Column("tissue", sa.String(), nullable=True),
        sa.Column("donor", sa.String(), nullable=True),
        sa.Column("passage_low", sa.Integer(), nullable=True),
        sa.Column("passage_high", sa.Integer(), nullable=True),
        sa.Column("is_cryopreserved", sa.Boolean(), nullable=True),
        sa.Column("viability_text", sa.String(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["arm_id"], ["arm.id"], name=op.f("fk_cell_product_arm_id")),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_cell_product_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_cell_product_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell_product")),
    )
    with op.batch_alter_table("cell_product", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_cell_product_arm_id"), ["arm_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_cell_product_evidence_id"), ["evidence_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_cell_product_record_id"), ["record_id"], unique=False)

    op.create_table(
        "participant_flow",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.Column("period", sa.Text(), nullable=True),
        sa.Column("milestone", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("n", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["arm_id"], ["arm.id"], name=op.f("fk_participant_flow_arm_id")),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_participant_flow_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_participant_flow_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participant_flow")),
        sa.UniqueConstraint("record_id", "key", name=op.f("uq_participant_flow_record_id_key")),
    )
    with op.batch_alter_table("participant_flow", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_participant_flow_arm_id"), ["arm_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_participant_flow_evidence_id"), ["evidence_id"], unique=False
        )

    op.create_table(
        "registration",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("registry_name", sa.String(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("sponsor", sa.String(), nullable=True),
        sa.Column("country", sa.String(), nullable=True),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("n_registered", sa.Integer(), nullable=True),
        sa.Column("n_is_actual", sa.Boolean(), nullable=True),
        sa.Column("start", sa.String(), nullable=True),
        sa.Column("primary_completion", sa.String(), nullable=True),
        sa.Column("completion", sa.String(), nullable=True),
        sa.Column("results_posted", sa.String(), nullable=True),
        sa.Column("updated", sa.String(), nullable=True),
        sa.Column("has_results", sa.Boolean(), nullable=True),
        sa.Column("listed_pmids", sa.JSON(), nullable=False),
        sa.Column("planned_outcomes", sa.JSON(), nullable=False),
        sa.Column("caveats", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence_id", sa.Integer(), nullable=True),
        sa.Column("record_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_registration_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_registration_record_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
        sa.UniqueConstraint("number", name=op.f("uq_registration_number")),
    )
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_registration_evidence_id"), ["evidence_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_registration_record_id"), ["record_id"], unique=False)

    op.create_table(
        "result",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=False),
        sa.Column("comparator_id", sa.Integer(), nullable=True),
        sa.Column("outcome_id", sa.Integer(), nullable=False),
        sa.Column("outcome_title", sa.Text(), nullable=False),
        sa.Column("category", sa.String(), nullable=True),
        sa.Column("timepoint_id", sa.Integer(), nullable=True),
        sa.Column("baseline_timepoint_id", sa.Integer(), nullable=True),
        sa.Column("population_id", sa.Integer(), nullable=True),
        sa.Column("statistic", sa.String(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("unit_of_analysis", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("derivation_id", sa.Integer(), nullable=True),
        sa.Column("direction", sa.String(), nullable=True),
        sa.Column("measure", sa.String(), nullable=True),
        sa.Column("ci_level", sa.Float(), nullable=True),
        sa.Column("p_text", sa.String(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("better", sa.String(), nullable=True),
        sa.Column("is_primary_outcome", sa.Boolean(), nullable=True),
        sa.Column("caveats", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "category IS NULL OR category IN ('event', 'complement', 'improved', 'stable', 'worsened')",
            name=op.f("ck_result_category"),
        ),
        sa.CheckConstraint(
            "kind = 'contrast' OR comparator_id IS NULL", name=op.f("ck_result_comparator")
        ),
        sa.CheckConstraint(
            "kind IN ('arm', 'within_arm', 'contrast')", name=op.f("ck_result_kind")
        ),
        sa.CheckConstraint(
            "origin = 'reported' OR origin = 'author_supplied' OR derivation_id IS NOT NULL",
            name=op.f("ck_result_derived_has_derivation"),
        ),
        sa.CheckConstraint(
            "origin IN ('reported', 'computed', 'imputed', 'digitised', 'author_supplied')",
            name=op.f("ck_result_origin"),
        ),
        sa.CheckConstraint(
            "state IN ('reported', 'reported_zero', 'not_reported', 'not_measured', 'not_applicable', 'unclear')",
            name=op.f("ck_result_state"),
        ),
        sa.CheckConstraint(
            "statistic IS NULL OR statistic IN ('baseline', 'final', 'change', 'percent_change', 'person_count', 'event_count', 'percent', 'rate', 'time_to_event', 'as_registered')",
            name=op.f("ck_result_statistic"),
        ),
        sa.ForeignKeyConstraint(["arm_id"], ["arm.id"], name=op.f("fk_result_arm_id")),
        sa.ForeignKeyConstraint(
            ["baseline_timepoint_id"],
            ["timepoint.id"],
            name=op.f("fk_result_baseline_timepoint_id"),
        ),
        sa.ForeignKeyConstraint(
            ["comparator_id"], ["arm.id"], name=op.f("fk_result_comparator_id")
        ),
        sa.ForeignKeyConstraint(
            ["derivation_id"], ["derivation.id"], name=op.f("fk_result_derivation_id")
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_result_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["outcome_id"], ["outcome_definition.id"], name=op.f("fk_result_outcome_id")
        ),
        sa.ForeignKeyConstraint(
            ["population_id"], ["population.id"], name=op.f("fk_result_population_id")
        ),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_result_record_id")),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name=op.f("fk_result_study_id")),
        sa.ForeignKeyConstraint(
            ["timepoint_id"], ["timepoint.id"], name=op.f("fk_result_timepoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result")),
        sa.UniqueConstraint("record_id", "key", name=op.f("uq_result_record_id_key")),
    )
    with op.batch_alter_table("result", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_result_arm_id"), ["arm_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_result_baseline_timepoint_id"), ["baseline_timepoint_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_result_comparator_id"), ["comparator_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_result_derivation_id"), ["derivation_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_result_evidence_id"), ["evidence_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_result_outcome_id"), ["outcome_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_result_population_id"), ["population_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_result_study_id"), ["study_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_result_timepoint_id"), ["timepoint_id"], unique=False)

    op.create_table(
        "study_description",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.Column("design", sa.String(), nullable=True),
        sa.Column("allocation", sa.String(), nullable=True),
        sa.Column("masking", sa.String(), nullable=True),
        sa.Column("phase", sa.String(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=True),
        sa.Column("study_type", sa.String(), nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("n_enrolled", sa.Integer(), nullable=True),
        sa.Column("n_randomised", sa.Integer(), nullable=True),
        sa.Column("n_treated", sa.Integer(), nullable=True),
        sa.Column("n_analysed", sa.Integer(), nullable=True),
        sa.Column("n_completed", sa.Integer(), nullable=True),
        sa.Column("followup_value", sa.Float(), nullable=True),
        sa.Column("followup_unit", sa.String(), nullable=True),
        sa.Column("followup_text", sa.String(), nullable=True),
        sa.Column("eligibility", sa.Text(), nullable=True),
        sa.Column("caveats", sa.JSON(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_study_description_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_study_description_record_id")
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_study_description_study_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_description")),
        sa.UniqueConstraint("record_id", name=op.f("uq_study_description_record_id")),
    )
    with op.batch_alter_table("study_description", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_study_description_evidence_id"), ["evidence_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_study_description_study_id"), ["study_id"], unique=False
        )

    op.create_table(
        "derivation_input",
        sa.Column("derivation_id", sa.Integer(), nullable=False),
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("cell", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["derivation_id"], ["derivation.id"], name=op.f("fk_derivation_input_derivation_id")
        ),
        sa.ForeignKeyConstraint(
            ["result_id"], ["result.id"], name=op.f("fk_derivation_input_result_id")
        ),
        sa.PrimaryKeyConstraint(
            "derivation_id", "result_id", "cell", name=op.f("pk_derivation_input")
        ),
    )
    with op.batch_alter_table("derivation_input", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_derivation_input_result_id"), ["result_id"], unique=False
        )

    op.create_table(
        "dose_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arm_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=True),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("evidence_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("basis", sa.String(), nullable=True),
        sa.Column("n_administrations", sa.Integer(), nullable=True),
        sa.Column("n_administrations_text", sa.String(), nullable=True),
        sa.Column("interval_text", sa.String(), nullable=True),
        sa.Column("route", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["arm_id"], ["arm.id"], name=op.f("fk_dose_event_arm_id")),
        sa.ForeignKeyConstraint(
            ["evidence_id"], ["evidence.id"], name=op.f("fk_dose_event_evidence_id")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["cell_product.id"], name=op.f("fk_dose_event_product_id")
        ),
        sa.ForeignKeyConstraint(["record_id"], ["record.id"], name=op.f("fk_dose_event_record_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dose_event")),
    )
    with op.batch_alter_table("dose_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dose_event_arm_id"), ["arm_id"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_dose_event_evidence_id"), ["evidence_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_dose_event_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dose_event_record_id"), ["record_id"], unique=False)

    op.create_table(
        "registration_alias",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_registration_alias_registration_id"),
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_registration_alias")),
    )
    with op.batch_alter_table("registration_alias", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_registration_alias_registration_id"), ["registration_id"], unique=False
        )

    op.create_table(
        "result_cell",
        sa.Column("result_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("text", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.CheckConstraint(
            "name IN ('n_analysed', 'events', 'percent', 'mean', 'sd', 'se', 'median', 'q1', 'q3', 'min', 'max', 'ci_low', 'ci_high', 'geometric_mean', 'ls_mean', 'number', 'value_unspecified', 'estimate', 'exposure_person_years')",
            name=op.f("ck_result_cell_name"),
        ),
        sa.CheckConstraint(
            "origin IN ('reported', 'computed', 'imputed', 'digitised', 'author_supplied')",
            name=op.f("ck_result_cell_origin"),
        ),
        sa.CheckConstraint(
            "state <> 'reported_zero' OR (value IS NOT NULL AND value = 0)",
            name=op.f("ck_result_cell_reported_zero_is_zero"),
        ),
        sa.CheckConstraint(
            "state IN ('reported', 'reported_zero', 'not_reported', 'not_measured', 'not_applicable', 'unclear')",
            name=op.f("ck_result_cell_state"),
        ),
        sa.CheckConstraint(
            "value IS NULL OR state IN ('reported', 'reported_zero')",
            name=op.f("ck_result_cell_unreported_has_no_number"),
        ),
        sa.ForeignKeyConstraint(
            ["result_id"], ["result.id"], name=op.f("fk_result_cell_result_id")
        ),
        sa.PrimaryKeyConstraint("result_id", "name", name=op.f("pk_result_cell")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "study_registration",
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("basis", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_study_registration_record_id")
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_study_registration_registration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["study.id"], name=op.f("fk_study_registration_study_id")
        ),
        sa.PrimaryKeyConstraint(
            "study_id", "registration_id", "record_id", name=op.f("pk_study_registration")
        ),
    )
    with op.batch_alter_table("study_registration", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_study_registration_record_id"), ["record_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_study_registration_registration_id"), ["registration_id"], unique=False
        )

    op.create_table(
        "work_registration",
        sa.Column("work_id", sa.Integer(), nullable=False),
        sa.Column("registration_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["record_id"], ["record.id"], name=op.f("fk_work_registration_record_id")
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registration.id"],
            name=op.f("fk_work_registration_registration_id"),
        ),
        sa.ForeignKeyConstraint(
            ["work_id"], ["work.id"], name=op.f("fk_work_registration_work_id")
        ),
        sa.PrimaryKeyConstraint(
            "work_id", "registration_id", "record_id", "kind", name=op.f("pk_work_registration")
        ),
    )
    with op.batch_alter_table("work_registration", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_work_registration_record_id"), ["record_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_work_registration_registration_id"), ["registration_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("work_registration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_work_registration_registration_id"))
        batch_op.drop_index(batch_op.f("ix_work_registration_record_id"))

    op.drop_table("work_registration")
    with op.batch_alter_table("study_registration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_study_registration_registration_id"))
        batch_op.drop_index(batch_op.f("ix_study_registration_record_id"))

    op.drop_table("study_registration")
    op.drop_table("result_cell")
    with op.batch_alter_table("registration_alias", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_registration_alias_registration_id"))

    op.drop_table("registration_alias")
    with op.batch_alter_table("dose_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dose_event_record_id"))
        batch_op.drop_index(batch_op.f("ix_dose_event_product_id"))
        batch_op.drop_index(batch_op.f("ix_dose_event_evidence_id"))
        batch_op.drop_index(batch_op.f("ix_dose_event_arm_id"))

    op.drop_table("dose_event")
    with op.batch_alter_table("derivation_input", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_derivation_input_result_id"))

    op.drop_table("derivation_input")
    with op.batch_alter_table("study_description", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_study_description_study_id"))
        batch_op.drop_index(batch_op.f("ix_study_description_evidence_id"))

    op.drop_table("study_description")
    with op.batch_alter_table("result", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_result_timepoint_id"))
        batch_op.drop_index(batch_op.f("ix_result_study_id"))
        batch_op.drop_index(batch_op.f("ix_result_population_id"))
        batch_op.drop_index(batch_op.f("ix_result_outcome_id"))
        batch_op.drop_index(batch_op.f("ix_result_evidence_id"))
        batch_op.drop_index(batch_op.f("ix_result_derivation_id"))
        batch_op.drop_index(batch_op.f("ix_result_comparator_id"))
        batch_op.drop_index(batch_op.f("ix_result_baseline_timepoint_id"))
        batch_op.drop_index(batch_op.f("ix_result_arm_id"))

    op.drop_table("result")
    with op.batch_alter_table("registration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_registration_record_id"))
        batch_op.drop_index(batch_op.f("ix_registration_evidence_id"))

    op.drop_table("registration")
    with op.batch_alter_table("participant_flow", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_participant_flow_evidence_id"))
        batch_op.drop_index(batch_op.f("ix_participant_flow_arm_id"))

    op.drop_table("participant_flow")
    with op.batch_alter_table("cell_product", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_cell_product_record_id"))
        batch_op.drop_index(batch_op.f("ix_cell_product_evidence_id"))
        batch_op.drop_index(batch_op.f("ix_cell_product_arm_id"))

    op.drop_table("cell_product")
    with op.batch_alter_table("arm_description", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_arm_description_record_id"))
        batch_op.drop_index(batch_op.f("ix_arm_description_evidence_id"))
        batch_op.drop_index(batch_op.f("ix_arm_description_arm_id"))

    op.drop_table("arm_description")
    with op.batch_alter_table("adverse_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_adverse_event_timepoint_id"))
        batch_op.drop_index(batch_op.f("ix_adverse_event_study_id"))
        batch_op.drop_index(batch_op.f("ix_adverse_event_evidence_id"))
        batch_op.drop_index(batch_op.f("ix_adverse_event_arm_id"))

    op.drop_table("adverse_event")
    with op.batch_alter_table("work_relation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_work_relation_record_id"))
        batch_op.drop_index(batch_op.f("ix_work_relation_other_id"))

    op.drop_table("work_relation")
    with op.batch_alter_table("study_overlap", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_study_overlap_record_id"))
        batch_op.drop_index(batch_op.f("ix_study_overlap_other_id"))

    op.drop_table("study_overlap")
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_study_id"))
        batch_op.drop_index(batch_op.f("ix_report_record_id"))

    op.drop_table("report")
    with op.batch_alter_table("reference", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reference_citing_id"))
        batch_op.drop_index(batch_op.f("ix_reference_cited_id"))

    op.drop_table("reference")
    with op.batch_alter_table("outcome_definition", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outcome_definition_record_id"))

    op.drop_table("outcome_definition")
    with op.batch_alter_table("observation", schema=None) as batch_op:
        batch_op.drop_index("ix_observation_series")
        batch_op.drop_index(batch_op.f("ix_observation_record_id"))

    op.drop_table("observation")
    with op.batch_alter_table("notice_assertion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notice_assertion_record_id"))
        batch_op.drop_index(batch_op.f("ix_notice_assertion_notice_work_id"))
        batch_op.drop_index(batch_op.f("ix_notice_assertion_notice_id"))

    op.drop_table("notice_assertion")
    with op.batch_alter_table("identity_conflict", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_identity_conflict_work_id"))
        batch_op.drop_index(batch_op.f("ix_identity_conflict_record_id"))

    op.drop_table("identity_conflict")
    with op.batch_alter_table("evidence", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_evidence_work_id"))
        batch_op.drop_index(batch_op.f("ix_evidence_record_id"))
        batch_op.drop_index(batch_op.f("ix_evidence_payload_id"))

    op.drop_table("evidence")
    with op.batch_alter_table("citation_assertion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_citation_assertion_record_id"))

    op.drop_table("citation_assertion")
    with op.batch_alter_table("arm", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_arm_study_id"))

    op.drop_table("arm")
    with op.batch_alter_table("work_identifier", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_work_identifier_work_id"))

    op.drop_table("work_identifier")
    with op.batch_alter_table("work_funding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_work_funding_funder_id"))

    op.drop_table("work_funding")
    with op.batch_alter_table("work_concept", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_work_concept_concept_id"))

    op.drop_table("work_concept")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_record_work_id"))
        batch_op.drop_index(batch_op.f("ix_record_study_id"))
        batch_op.drop_index(batch_op.f("ix_record_payload_id"))

    op.drop_table("record")
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_notice_work_id"))
        batch_op.drop_index(batch_op.f("ix_notice_notice_work_id"))

    op.drop_table("notice")
    op.drop_table("coverage")
    with op.batch_alter_table("cites", schema=None) as batch_op:
        batch_op.drop_index("ix_cites_cited_id_citing_id")

    op.drop_table("cites")
    with op.batch_alter_table("authorship", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_authorship_author_id"))

    op.drop_table("authorship")
    with op.batch_alter_table("work", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_work_year"))
        batch_op.drop_index(batch_op.f("ix_work_venue_id"))

    op.drop_table("work")
    with op.batch_alter_table("venue_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_venue_key_venue_id"))

    op.drop_table("venue_key")
    with op.batch_alter_table("timepoint", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_timepoint_study_id"))

    op.drop_table("timepoint")
    with op.batch_alter_table("population", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_population_study_id"))

    op.drop_table("population")
    with op.batch_alter_table("failure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_failure_request"))
        batch_op.drop_index(batch_op.f("ix_failure_payload_id"))

    op.drop_table("failure")
    op.drop_table("venue")
    op.drop_table("study")
    with op.batch_alter_table("payload", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_payload_request"))

    op.drop_table("payload")
    op.drop_table("funder")
    op.drop_table("derivation")
    op.drop_table("concept")
    op.drop_table("author")
