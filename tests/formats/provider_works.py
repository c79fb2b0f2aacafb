"""The smallest works in the shapes of Crossref, OpenAlex and PubMed."""

from typing import Any

from kb.models.identifiers import Identifier

SEED = "10.3390/jcm8122102"


def crossref_work(**fields: Any) -> dict[str, Any]:
    """The least Crossref says of a work, and `fields` with "_" for "-"."""
    return {"DOI": SEED} | {name.replace("_", "-"): value for name, value in fields.items()}


def openalex_work(number: Identifier, **changes: Any) -> dict[str, Any]:
    """The smallest whole work; a change to None leaves a field null, as OpenAlex does."""
    return {
        "id": f"https://openalex.org/{number.value}",
        "title": "Repeated infusions",
        "authorships": [],
        **changes,
    }


def pubmed_article(
    pmid: str = "1",
    *,
    article: str = "",
    citation: str = "",
    data: str = "",
    pub_model: str = "Print",
) -> str:
    title = "" if "<ArticleTitle" in article else "<ArticleTitle>A trial.</ArticleTitle>"
    return (
        f'<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID>'
        f'<Article PubModel="{pub_model}">{title}{article}</Article>{citation}</MedlineCitation>'
        f"<PubmedData>{data}</PubmedData></PubmedArticle>"
    )


def pubmed_set(*articles: str) -> bytes:
    return f"<PubmedArticleSet>{''.join(articles)}</PubmedArticleSet>".encode()
