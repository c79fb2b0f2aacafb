"""A base from before records were compared is brought to where it would be."""

from __future__ import annotations

import sqlalchemy as sa

from kb.models import tables as t
from kb.models.records import ReferenceClaim
from kb.store.engine import Store
from kb.store.identity_index import index_identity
from tests.store.identity_scene import TITLE, described, partition
from tests.store.saves import ids, rows_of, save_each

LINE = f"Connick P, Kolappan M. {TITLE}. Lancet Neurol. 2012;11(2):150-6."


def test_records_and_lines_held_before_find_their_works(plain_store: Store) -> None:
    citing = described(
        "crossref",
        "citing",
        identifiers=ids(doi="10.1000/c"),
        title="A review of cells",
        pages="1",
        references=(ReferenceClaim(position=1, text=LINE),),
    )
    article = described("pubmed", "1", identifiers=ids(pmid="1"))
    save_each(plain_store, [article, citing])
    # As an earlier release left it.
    with plain_store.writing() as session:
        for table in (t.RecordKey, t.ReferenceKey, t.CitationAssertion, t.Cites):
            session.execute(sa.delete(table))
        session.execute(sa.update(t.Reference).values(cited_id=None, matched_by=None))
    assert index_identity(plain_store) == 2
    assert index_identity(plain_store) == 0
    save_each(plain_store, [described("my library", "x")])
    with plain_store.reading() as session:
        assert frozenset({"pubmed 1", "my library x"}) in partition(session)
        assert [line.cited_id for line in rows_of(session, t.Reference)] == [1]
