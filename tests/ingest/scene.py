"""A small stand-in for the five APIs, over HTTP: what is put in comes out in each one's shape.

    with Scene() as scene:
        scene.publish(SEED, RIORDAN)
        scene.register(trial("NCT02034188"))
        scene.fault("pubmed", unavailable())
        settings = scene.settings()

Articles are facts about real works. Each source has those it has an identifier for; references,
citing works and links follow from what the articles cite. OpenAlex ids and counts are made up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote
from xml.sax.saxutils import escape

import orjson

from ingest.pipeline import SOURCES
from kb.settings import Settings
from tests.conftest import ROOT
from tests.ingest.replay import Answer, Misbehaviour, Replay, Reply, Seen

Json = dict[str, Any]
_PATHS: Final = {
    "europepmc": "/europepmc/rest",
    "crossref": "/crossref",
    "pubmed": "/entrez/eutils",
    "openalex": "/openalex",
    "clinicaltrials": "/ctgov/api/v2",
}
_URL_SETTINGS: Final = {"pubmed": "eutils_url"}


@dataclass(frozen=True, kw_only=True)
class Article:
    """Facts about one work. A reference that is text is a line no source resolves."""

    title: str
    published: str  # whole ISO date
    doi: str | None = None
    pmid: str | None = None
    pmcid: str | None = None
    openalex: str | None = None
    authors: tuple[tuple[str, str], ...] = ()  # family, given
    journal: str = "J Clin Med"
    cites: tuple[Article | str, ...] = ()
    registrations: tuple[str, ...] = ()
    corrected: Correction | None = None
    cited_by: Mapping[str, int] = field(default_factory=dict)  # count by source, where it has one


@dataclass(frozen=True, kw_only=True)
class Correction:
    date: str
    notice: Article | None = None  # None: no source names it by an identifier


KURTZKE: Final = Article(
    title="Rating neurologic impairment in multiple sclerosis: "
    "an expanded disability status scale (EDSS)",
    published="1983-11-01",
    doi="10.1212/wnl.33.11.1444",
    pmid="6685237",
    openalex="W1983000001",
    authors=(("Kurtzke", "John F."),),
    journal="Neurology",
)
POLMAN: Final = Article(
    title="Diagnostic criteria for multiple sclerosis: 2010 revisions to the McDonald criteria",
    published="2011-02-08",
    doi="10.1002/ana.22366",
    pmid="21387374",
    openalex="W2011000002",
    authors=(("Polman", "Chris H."),),
    journal="Ann Neurol",
)
KRUPP: Final = "Krupp LB, et al. The fatigue severity scale. Arch Neurol 1989;46:1121-3."
SEED: Final = Article(
    title="Short and Long Term Clinical and Immunologic Follow up after Bone Marrow Mesenchymal "
    "Stromal Cell Therapy in Progressive Multiple Sclerosis—A Phase I Study",
    published="2019-12-02",
    doi="10.3390/jcm8122102",
    pmid="31810187",
    pmcid="PMC6947442",
    openalex="W2019000003",
    authors=(("Iacobaeus", "Ellen"), ("Kadri", "Nadir"), ("Le Blanc", "Katarina")),
    cites=(KURTZKE, KRUPP, POLMAN),
    cited_by={"europepmc": 21, "crossref": 28, "openalex": 31},
)
ANDRZEJEWSKA: Final = Article(
    title="Mesenchymal Stem Cells for Neurological Disorders",
    published="2021-02-24",
    doi="10.1002/advs.202002944",
    pmid="33854883",
    pmcid="PMC8024997",
    openalex="W2021000004",
    authors=(("Andrzejewska", "Anna"),),
    journal="Adv Sci",
    cites=(SEED, KURTZKE),
)
KRAMPERA: Final = Article(
    title="Mesenchymal stromal cells: Putative microenvironmental modulators become cell therapy",
    published="2021-10-07",
    doi="10.1016/j.stem.2021.09.006",
    openalex="W2021000005",
    authors=(("Krampera", "Mauro"), ("Le Blanc", "Katarina")),
    journal="Cell Stem Cell",
    cites=(SEED,),
)
RIORDAN: Final = Article(
    title="Clinical feasibility of umbilical cord tissue-derived mesenchymal stem cells in the "
    "treatment of multiple sclerosis",
    published="2018-03-09",
    doi="10.1186/s12967-018-1433-7",
    pmid="29523171",
    openalex="W2018000006",
    authors=(("Riordan", "Neil H."),),
    journal="J Transl Med",
    cites=(KURTZKE,),
    registrations=("NCT02034188",),
    corrected=Correction(date="2021-05-10"),
)
THE_SEED_AND_AROUND: Final = (SEED, KURTZKE, POLMAN, ANDRZEJEWSKA, KRAMPERA)


def trial(number: str) -> Json:
    """The registry entry as this project tells it."""
    found: Json = orjson.loads((ROOT / f"tests/payloads/scene/{number}.json").read_bytes())
    return found


# -- one article in each source's shape ----------------------------------------------------------


def crossref_item(article: Article) -> Json:
    item: Json = {
        "DOI": article.doi,
        "type": "journal-article",
        "title": [article.title],
        "container-title": [article.journal],
        "published": {"date-parts": [list(map(int, article.published.split("-")))]},
        "author": [{"family": family, "given": given} for family, given in article.authors],
        "references-count": len(article.cites),
        "reference": [_crossref_reference(n, r) for n, r in enumerate(article.cites, 1)],
        "clinical-trial-number": [
            {"clinical-trial-number": n.lower(), "registry": "10.18810/clinical-trials-gov"}
            for n in article.registrations
        ],
    }
    if "crossref" in article.cited_by:
        item["is-referenced-by-count"] = article.cited_by["crossref"]
    if article.corrected:
        parts = [list(map(int, article.corrected.date.split("-")))]
        notice: Json = {
            "type": "correction",
            "label": "Correction",
            "source": "publisher",
            "updated": {"date-parts": parts},
        }
        if article.corrected.notice:
            notice["DOI"] = article.corrected.notice.doi
        item["updated-by"] = [notice]
    return item


def _crossref_reference(number: int, cited: Article | str) -> Json:
    if isinstance(cited, str):
        return {"key": f"ref{number}", "unstructured": cited}
    reference: Json = {"key": f"ref{number}", "article-title": cited.title}
    if cited.doi:
        reference |= {"DOI": cited.doi, "doi-asserted-by": "publisher"}
    return reference


def europepmc_item(article: Article) -> Json:
    source, number = _europepmc_key(article)
    item: Json = {
        "id": number,
        "source": source,
        "pmid": article.pmid,
        "pmcid": article.pmcid,
        "doi": article.doi,
        "title": article.title + ".",
        "authorList": {
            "author": [
                {"firstName": given, "lastName": family, "fullName": f"{family} {given[:1]}"}
                for family, given in article.authors
            ]
        },
        "journalInfo": {"journal": {"title": article.journal}},
        "language": "eng",
        "pubTypeList": {"pubType": ["Journal Article"]},
        "electronicPublicationDate": article.published,
        "firstPublicationDate": article.published,
    }
    if "europepmc" in article.cited_by:
        item["citedByCount"] = article.cited_by["europepmc"]
    if article.corrected:
        notice = article.corrected.notice
        row: Json = {"type": "Erratum in", "reference": _quoted(article)}
        if notice:
            row |= {"id": notice.pmid, "source": "MED"}
        item["commentCorrectionList"] = {"commentCorrection": [row]}
    return item


_MONTHS: Final = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def _quoted(article: Article) -> str:
    assert article.corrected
    year, month, day = map(int, article.corrected.date.split("-"))
    return f"{article.journal}. {year} {_MONTHS[month - 1]} {day}"


def _europepmc_key(article: Article) -> tuple[str, str]:
    assert article.pmid or article.pmcid
    return ("MED", article.pmid) if article.pmid else ("PMC", str(article.pmcid))


def pubmed_article(article: Article) -> str:
    year, month, day = article.published.split("-")
    authors = "".join(
        f"<Author><LastName>{escape(family)}</LastName><ForeName>{escape(given)}</ForeName>"
        f"<Initials>{given[0]}</Initials></Author>"
        for family, given in article.authors
    )
    banks = "".join(
        "<DataBank><DataBankName>ClinicalTrials.gov</DataBankName><AccessionNumberList>"
        f"<AccessionNumber>{number}</AccessionNumber></AccessionNumberList></DataBank>"
        for number in article.registrations
    )
    comments = ""
    if article.corrected:
        notice = article.corrected.notice
        comments = (
            '<CommentsCorrectionsList><CommentsCorrections RefType="ErratumIn">'
            f"<RefSource>{escape(_quoted(article))}</RefSource>"
            + (f"<PMID>{notice.pmid}</PMID>" if notice else "")
            + "</CommentsCorrections></CommentsCorrectionsList>"
        )
    ids = "".join(
        f'<ArticleId IdType="{kind}">{escape(value)}</ArticleId>'
        for kind, value in (("pubmed", article.pmid), ("doi", article.doi), ("pmc", article.pmcid))
        if value
    )
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{article.pmid}</PMID>'
        f"<Article><Journal><JournalIssue><PubDate><Year>{year}</Year></PubDate></JournalIssue>"
        f"<Title>{escape(article.journal)}</Title></Journal>"
        f"<ArticleTitle>{escape(article.title)}.</ArticleTitle>"
        f'<AuthorList CompleteYN="Y">{authors}</AuthorList><Language>eng</Language>'
        + (f'<DataBankList CompleteYN="Y">{banks}</DataBankList>' if banks else "")
        + "<PublicationTypeList><PublicationType>Journal Article</PublicationType>"
        f'</PublicationTypeList><ArticleDate DateType="Electronic"><Year>{year}</Year>'
        f"<Month>{month}</Month><Day>{day}</Day></ArticleDate></Article>{comments}"
        f"</MedlineCitation><PubmedData><ArticleIdList>{ids}</ArticleIdList></PubmedData>"
        "</PubmedArticle>"
    )


def openalex_item(article: Article) -> Json:
    cited = [c for c in article.cites if isinstance(c, Article) and c.openalex]
    item: Json = {
        "id": f"https://openalex.org/{article.openalex}",
        "doi": f"https://doi.org/{article.doi}" if article.doi else None,
        "ids": {"openalex": f"https://openalex.org/{article.openalex}"},
        "title": article.title,
        "publication_date": article.published,
        "type": "article",
        "authorships": [
            {"author": {"display_name": f"{given} {family}"}, "author_position": "middle"}
            for family, given in article.authors
        ],
        "primary_location": {
            "source": {"display_name": article.journal, "type": "journal"},
        },
        "referenced_works": [f"https://openalex.org/{c.openalex}" for c in cited],
        "referenced_works_count": len(cited),
        "updated_date": "2026-11-01",
    }
    if article.pmid:
        item["ids"]["pmid"] = f"https://pubmed.ncbi.nlm.nih.gov/{article.pmid}"
    if "openalex" in article.cited_by:
        item["cited_by_count"] = article.cited_by["openalex"]
    return item


# -- the five APIs -------------------------------------------------------------------------------


@dataclass
class _Fault:
    source: str
    reply: Reply
    on: str  # part of the decoded request
    times: int | None  # None: always


class Scene(Replay):
    """Holds what each source would answer with; tests may change it in place.

    `most_per_page` makes all sources page. `requests` are those of Replay.
    """

    def __init__(self) -> None:
        super().__init__()
        self.europepmc: dict[str, Json] = {}  # by DOI, PMID and PMCID: results by "MED:1"
        self.crossref: dict[str, Json] = {}  # by DOI
        self.pubmed: dict[str, str] = {}  # by PMID
        self.openalex: dict[str, Json] = {}  # by OpenAlex id
        self.trials: dict[str, Json] = {}  # by NCT number
        self.most_per_page = 1000
        self._articles: list[Article] = []
        self._faults: list[_Fault] = []
        self.otherwise(self._serve)

    def publish(self, *articles: Article, to: Iterable[str] = SOURCES) -> None:
        """Put articles into those sources of `to` that would know them."""
        for article in articles:
            self._articles.append(article)
            if "europepmc" in to and (article.pmid or article.pmcid):
                self.europepmc[":".join(_europepmc_key(article))] = europepmc_item(article)
            if "crossref" in to and article.doi:
                self.crossref[article.doi] = crossref_item(article)
            if "pubmed" in to and article.pmid:
                self.pubmed[article.pmid] = pubmed_article(article)
            if "openalex" in to and article.openalex:
                self.openalex[article.openalex] = openalex_item(article)

    def register(self, *studies: Json) -> None:
        for study in studies:
            self.trials[study["protocolSection"]["identificationModule"]["nctId"]] = study

    def fault(self, source: str, reply: Reply, *, on: str = "", times: int | None = None) -> None:
        """Answer requests to `source` that have `on` in them with `reply`, so many times."""
        self._faults.append(_Fault(source, reply, on, times))

    def mend(self) -> None:
        """No faults any more."""
        self._faults.clear()

    def settings(self, **values: Any) -> Settings:
        urls = {
            _URL_SETTINGS.get(source, f"{source}_url"): self.url + path
            for source, path in _PATHS.items()
        }
        return Settings(_env_file=None, **urls, **values)

    def asked(self, source: str) -> list[str]:
        """The requests a source got, decoded, without its base path."""
        prefix = _PATHS[source]
        return [
            unquote(name.replace(prefix, "", 1))
            for name in self.names()
            if name.split(" ", 1)[1].startswith(prefix + "/")
        ]

    def _serve(self, seen: Seen) -> Answer | Misbehaviour:
        address = seen.request.partition(" ")[2]
        path = re.split("[? ]", address)[0]
        source = next(s for s, prefix in _PATHS.items() if path.startswith(prefix + "/"))
        for fault in self._faults:
            if fault.source == source and fault.on in unquote(address) and fault.times != 0:
                if fault.times is not None:
                    fault.times -= 1
                reply = fault.reply
                return reply if isinstance(reply, Answer | Misbehaviour) else reply(seen)
        serve = getattr(self, f"_serve_{source}")
        return serve(path.removeprefix(_PATHS[source]), seen.parameters)  # type: ignore[no-any-return]

    # Crossref

    def _serve_crossref(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path != "/works":
            item = self.crossref.get(unquote(path.removeprefix("/works/")).lower())
            if item is None:
                return Answer(b"Resource not found.", 404, {"Content-Type": "text/plain"})
            return _json({"status": "ok", "message-type": "work", "message": item})
        if "filter" in query:
            wanted = [part.removeprefix("doi:") for part in query["filter"][0].split(",")]
            found = [self.crossref[doi] for doi in wanted if doi in self.crossref]
            return self._crossref_list(found, len(found), None)
        found = list(self.crossref.values())
        size = int(query["rows"][0])
        page, after = _paged(found, query["cursor"][0], size)
        return self._crossref_list(page, len(found), after or "end")

    def _crossref_list(self, items: Sequence[Json], total: int, after: str | None) -> Answer:
        message = {"total-results": total, "items": items, "next-cursor": after}
        return _json({"status": "ok", "message-type": "work-list", "message": message})

    # Europe PMC

    def _serve_europepmc(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path == "/search":
            return self._europepmc_search(query)
        _, source, number, kind = path.split("/")
        article = next(
            (
                a
                for a in self._articles
                if (a.pmid or a.pmcid) and _europepmc_key(a) == (source, number)
            ),
            None,
        )
        known = f"{source}:{number}" in self.europepmc and article is not None
        rows: list[Json] = []
        if known and article and kind == "references":
            rows = [_europepmc_reference(n, r) for n, r in enumerate(article.cites, 1)]
        elif known and article:
            rows = [
                _europepmc_brief(a)
                for a in self._articles
                if article in a.cites and (a.pmid or a.pmcid)
            ]
        size = min(int(query["pageSize"][0]), self.most_per_page)
        page = rows[(int(query["page"][0]) - 1) * size :][:size]
        outer, inner = {
            "references": ("referenceList", "reference"),
            "citations": ("citationList", "citation"),
        }[kind]
        request = {"id": number, "source": source, "page": int(query["page"][0]), "pageSize": size}
        return _json({"hitCount": len(rows), "request": request, outer: {inner: page}})

    def _europepmc_search(self, query: dict[str, list[str]]) -> Answer:
        text = query["query"][0]
        found = list(self.europepmc.values())
        if "DOI:" in text or "EXT_ID:" in text or "PMCID:" in text:
            dois = re.findall(r'DOI:"([^"]+)"', text)
            pmids, pmcids = re.findall(r"EXT_ID:(\d+)", text), re.findall(r"PMCID:(PMC\d+)", text)
            found = [
                item
                for item in found
                if item.get("doi") in dois or item["id"] in pmids or item.get("pmcid") in pmcids
            ]
        size = int(query["pageSize"][0])
        page, after = _paged(found, query["cursorMark"][0], min(size, self.most_per_page))
        kind = query["resultType"][0]
        if kind == "lite":
            page = [
                {k: item.get(k) for k in ("id", "source", "pmid", "doi", "title")} for item in page
            ]
        return _json(
            {
                "hitCount": len(found),
                "nextCursorMark": after or query["cursorMark"][0],
                "request": {"queryString": text, "resultType": kind},
                "resultList": {"result": page},
            }
        )

    # PubMed

    def _serve_pubmed(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path == "/esearch.fcgi":
            term, start = query["term"][0], int(query["retstart"][0])
            found = list(self.pubmed)
            if term.endswith("[aid]"):
                doi = term.split('"')[1]
                found = [p for p, xml in self.pubmed.items() if f">{escape(doi)}<" in xml]
            size = min(int(query["retmax"][0]), self.most_per_page)
            listed = {"count": str(len(found)), "idlist": found[start : start + size]}
            return _json({"header": {"type": "esearch"}, "esearchresult": listed})
        if path == "/efetch.fcgi":
            asked = query["id"][0].split(",")
            articles = "".join(self.pubmed[p] for p in asked if p in self.pubmed)
            return _xml(f"<PubmedArticleSet>{articles}</PubmedArticleSet>")
        return _xml(
            f"<eLinkResult>{''.join(map(self._link_set(query), query['id']))}</eLinkResult>"
        )

    def _link_set(self, query: dict[str, list[str]]) -> Any:
        name = query["linkname"][0]

        def links(pmid: str) -> str:
            articles = [a for a in self._articles if a.pmid in self.pubmed]
            others: list[str | None]
            if name == "pubmed_pubmed_refs":
                own = [a for a in articles if a.pmid == pmid]
                others = [c.pmid for a in own for c in a.cites if isinstance(c, Article) and c.pmid]
            else:
                others = [
                    a.pmid
                    for a in articles
                    if any(isinstance(c, Article) and c.pmid == pmid for c in a.cites)
                ]
            listed = "".join(f"<Link><Id>{other}</Id></Link>" for other in others)
            found = f"<LinkSetDb><LinkName>{name}</LinkName>{listed}</LinkSetDb>" if others else ""
            return f"<LinkSet><IdList><Id>{pmid}</Id></IdList>{found}</LinkSet>"

        return links

    # OpenAlex

    def _serve_openalex(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path != "/works":
            item = self._openalex_one(unquote(path.removeprefix("/works/")))
            return _json(item) if item else _json({"error": "Not found"}, 404)
        found = list(self.openalex.values())
        if "filter" in query:
            name, _, value = query["filter"][0].partition(":")
            wanted = value.split("|")
            found = [item for item in found if _openalex_matches(item, name, wanted)]
        size = min(int(query["per_page"][0]), self.most_per_page)
        page, after = _paged(found, query["cursor"][0], size)
        return _json({"meta": {"count": len(found), "next_cursor": after}, "results": page})

    def _openalex_one(self, name: str) -> Json | None:
        if name in self.openalex:
            return self.openalex[name]
        scheme, _, value = name.partition(":")
        found = (i for i in self.openalex.values() if _openalex_matches(i, scheme, [value]))
        return next(found, None)

    # ClinicalTrials.gov

    def _serve_clinicaltrials(self, path: str, query: dict[str, list[str]]) -> Answer:
        if path != "/studies":
            study = self.trials.get(path.removeprefix("/studies/"))
            if study is None:
                return Answer(b"NCT number not found", 404, {"Content-Type": "text/plain"})
            return _json(study)
        size = min(int(query["pageSize"][0]), self.most_per_page)
        page, after = _paged(list(self.trials.values()), query.get("pageToken", ["*"])[0], size)
        body: Json = {"studies": page}
        if "pageToken" not in query:
            body["totalCount"] = len(self.trials)
        if after:
            body["nextPageToken"] = after
        return _json(body)


def _europepmc_reference(number: int, cited: Article | str) -> Json:
    if isinstance(cited, str):
        return {"citedOrder": number, "match": "N", "unstructuredInformation": cited}
    row: Json = {"citedOrder": number, "title": cited.title, "match": "N", "doi": cited.doi}
    if cited.pmid:
        row |= {"id": cited.pmid, "source": "MED", "match": "Y"}
    return row


def _europepmc_brief(article: Article) -> Json:
    source, number = _europepmc_key(article)
    return {
        "id": number,
        "source": source,
        "title": article.title + ".",
        "authorString": ", ".join(f"{family} {given[:1]}" for family, given in article.authors),
        "pubYear": int(article.published[:4]),
    }


def _openalex_matches(item: Json, name: str, values: Sequence[str]) -> bool:
    if name == "cites":
        return any(r.rpartition("/")[2] in values for r in item["referenced_works"])
    if name == "openalex":
        return item["id"].rpartition("/")[2] in values
    held = (item.get("doi") if name == "doi" else item["ids"].get(name)) or ""
    return any(held.endswith("/" + value) for value in values)


def _paged(items: Sequence[Any], mark: str, size: int) -> tuple[list[Any], str | None]:
    start = 0 if mark == "*" else int(mark.removeprefix("after"))
    end = start + size
    return list(items[start:end]), f"after{end}" if end < len(items) else None


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(orjson.dumps(value), status)


def _xml(text: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()
    return Answer(body, headers={"Content-Type": "text/xml; charset=UTF-8"})


def many_around_the_seed(n: int) -> list[Article]:
    """The seed with `n` references more, and `n` works that cite it; their facts are made up."""
    cited = [
        Article(
            title=f"Cited work number {i} of many",
            published="2010-01-15",
            doi=f"10.5555/cited.{i}",
            pmid=str(90_000_000 + i),
            openalex=f"W700{i:04}",
            authors=((f"Cited{i}", "A"),),
        )
        for i in range(n)
    ]
    seed = replace(SEED, cites=(*SEED.cites, *cited))
    citing = [
        Article(
            title=f"Citing work number {i} of many",
            published="2022-05-20",
            doi=f"10.5555/citing.{i}",
            pmid=str(91_000_000 + i),
            openalex=f"W800{i:04}",
            authors=((f"Citing{i}", "B"),),
            cites=(seed,),
        )
        for i in range(n)
    ]
    return [seed, KURTZKE, POLMAN, *cited, *citing]
