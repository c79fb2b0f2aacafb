"""Identifiers and their normal forms.

`normalize_*` returns None for what is not such an identifier; sources carry plenty of those.
`parse_identifier` is for what a person typed and raises, saying what would do.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from kb.errors import InvalidInput
from kb.models.identifiers import Identifier, Scheme

# The DOI Handbook folds ASCII case only: 'É' and 'é' are different names.
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_DOI_PREFIX = re.compile(r"^\s*(?:https?://)?(?:(?:dx|www)\.)?(?:doi\.org/|doi\s*:?\s*)", re.I)
# Registrant codes have 4 to 9 digits and may be subdivided (10.1000.10/123).
_DOI = re.compile(r"^10\.\d{4,9}(?:\.\d+)*/\S+$")
# Most are written so that only their capitals change.
_PLAIN_DOI = re.compile(
    r"(?:https?://(?:dx\.)?doi\.org/)?(10\.[0-9]{4,9}/[A-Za-z0-9._/-]*[A-Za-z0-9])\Z"
)
_CLOSING = {")": "(", "]": "[", ">": "<", "}": "{"}
_DOI_LABEL_AFTER = re.compile(r"\s*\[doi\]\s*$", re.I)
_BREAK_AFTER_SLASH = re.compile(r"(?<=/)\s+")
_ESCAPED_DOI = re.compile(r"10\.\d{4,9}%2f", re.I)
_MAX_DOI = 2048
_PUBMED_ADDRESS = re.compile(
    r"^(?:https?://)?(?:www\.)?(?:pubmed\.ncbi\.nlm\.nih\.gov/|ncbi\.nlm\.nih\.gov/pubmed/)", re.I
)
_PMID_LABEL = re.compile(r"^(?:pmid|med)\s*:?\s*", re.I)
_PMCID_LABEL = re.compile(r"^pmcid\s*:?\s*", re.I)
_PMC_ADDRESS = re.compile(r"^.*/(?=PMC\d)", re.I)
_PMCID = re.compile(r"(?:PMC)?0*([1-9][0-9]{0,9})(?:\.\d+)?", re.I)


# As addresses stand in mail and Markdown: "<https://doi.org/10.1136/bmj.n71>".
_IN_ANGLES = re.compile(r"^<(.+)>$", re.S)


def normalize_doi(raw: str | None) -> str | None:
    """Bare, lower-case (ASCII) DOI, or None.

    Takes labels and resolver addresses off, decodes percent escapes once, and drops punctuation
    picked up from surrounding text: a closing bracket only where nothing in the DOI opens it,
    because old DOIs hold brackets of their own (10.1002/(SICI)1097-0258(19980815)17:15<1661::...).
    A line break after the slash is closed; any other space means that more than a DOI was given.
    """
    if not raw or len(raw) > _MAX_DOI:
        return None
    plain = _PLAIN_DOI.match(raw)
    if plain is not None:
        return plain[1].lower()
    # NBIB files write "10.1136/bmj.n71 [doi]".
    text = _DOI_LABEL_AFTER.sub("", _IN_ANGLES.sub(r"\1", raw.strip()))
    text = _BREAK_AFTER_SLASH.sub("", text)
    was_address = "doi.org/" in text.lower()
    text = _DOI_PREFIX.sub("", text).strip()
    if was_address or _ESCAPED_DOI.match(text):
        text = unquote(text)
    text = _without_trailing_punctuation(text)
    if not _DOI.match(text) or not text.isprintable():
        return None
    return text.translate(_ASCII_LOWER)


def _without_trailing_punctuation(text: str) -> str:
    while text:
        last = text[-1]
        if last in ".,;:'\"" or (
            last in _CLOSING and text.count(last) > text.count(_CLOSING[last])
        ):
            text = text[:-1]
        else:
            break
    return text


def normalize_pmid(raw: str | int | None) -> str | None:
    """Digits without leading zeros, or None; takes "PMID: 31810187" and PubMed addresses."""
    text = str(raw if raw is not None else "").strip()
    text = _PUBMED_ADDRESS.sub("", text)
    text = _PMID_LABEL.sub("", text).strip("/ ")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        return None
    return str(int(text)) if int(text) > 0 else None


def normalize_pmcid(raw: str | int | None) -> str | None:
    """ "PMC6947442", or None; takes digits alone, a version suffix (".1") and PMC addresses."""
    text = str(raw if raw is not None else "").strip()
    text = _PMC_ADDRESS.sub("", text)
    text = _PMCID_LABEL.sub("", text).strip("/ ")
    match = _PMCID.fullmatch(text)
    return f"PMC{match[1]}" if match else None


def normalize_openalex(raw: str | None) -> str | None:
    """ "W2992000000", or None; takes openalex.org addresses."""
    text = re.sub(
        r"^(?:https?://)?(?:api\.|explore\.)?openalex\.org/(?:works/)?",
        "",
        (raw or "").strip(),
        flags=re.I,
    )
    match = re.fullmatch(r"W([1-9][0-9]{3,11})", text, flags=re.I)
    return f"W{match[1]}" if match else None


def normalize_orcid(raw: str | None) -> str | None:
    """ "0000-0002-1825-0097" with a right check digit (ISO 7064 mod 11-2), or None."""
    if not raw:
        return None
    text = (
        re.sub(r"^.*orcid\.org/", "", raw.strip(), flags=re.I)
        .replace("-", "")
        .replace(" ", "")
        .upper()
    )
    if not re.fullmatch(r"[0-9]{15}[0-9X]", text):
        return None
    total = 0
    for digit in text[:15]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    if text[15] != ("X" if check == 10 else str(check)):
        return None
    return "-".join(text[i : i + 4] for i in range(0, 16, 4))


def normalize_issn(raw: str | None) -> str | None:
    """ "2077-0383" with a right check digit (ISO 3297), or None."""
    if not raw:
        return None
    text = re.sub(r"[^0-9Xx]", "", raw).upper()
    if not re.fullmatch(r"[0-9]{7}[0-9X]", text):
        return None
    total = sum(
        int(digit) * weight for digit, weight in zip(text[:7], range(8, 1, -1), strict=True)
    )
    check = (11 - total % 11) % 11
    if text[7] != ("X" if check == 10 else str(check)):
        return None
    return f"{text[:4]}-{text[4:]}"


def normalize_ror(raw: str | None) -> str | None:
    """Bare ROR id ("056d84691"), or None."""
    if not raw:
        return None
    text = re.sub(r"^.*ror\.org/", "", raw.strip(), flags=re.I).lower()
    return text if re.fullmatch(r"0[a-z0-9]{6}[0-9]{2}", text) else None


_NORMALIZERS = {
    Scheme.DOI: normalize_doi,
    Scheme.PMID: normalize_pmid,
    Scheme.PMCID: normalize_pmcid,
    Scheme.OPENALEX: normalize_openalex,
}


def identifier(scheme: Scheme, raw: str | int | None) -> Identifier | None:
    """The identifier in its normal form, or None where `raw` is not one."""
    value = _NORMALIZERS[scheme](str(raw) if raw is not None else None)
    return Identifier(scheme, value) if value else None


def identifiers(
    *,
    doi: str | None = None,
    pmid: str | int | None = None,
    pmcid: str | int | None = None,
    openalex: str | None = None,
) -> tuple[Identifier, ...]:
    """Those of the given raw identifiers that are well formed, in a fixed order."""
    given = (
        (Scheme.DOI, doi),
        (Scheme.PMID, pmid),
        (Scheme.PMCID, pmcid),
        (Scheme.OPENALEX, openalex),
    )
    found = (identifier(scheme, raw) for scheme, raw in given)
    return tuple(i for i in found if i is not None)


def parse_identifier(text: str) -> Identifier:
    """The identifier a person typed: `doi:`, `pmid:`, `pmcid:`, `openalex:` or bare.

    A bare number is a PMID. Raises InvalidInput for anything else.
    """
    raw = text.strip()
    prefix, colon, rest = raw.partition(":")
    if colon and prefix.strip().lower() in set(Scheme) and not rest.startswith("//"):
        scheme = Scheme(prefix.strip().lower())
        found = identifier(scheme, rest)
    else:
        found = next((i for scheme in _GUESS_ORDER if (i := identifier(scheme, raw))), None)
    if found is None:
        shown = raw if len(raw) <= 80 else raw[:77] + "..."
        raise InvalidInput(
            f"not an identifier of a work: {shown!r} (expected e.g. 10.3390/jcm8122102, "
            "pmid:31810187, PMC6947442, openalex:W2992000000 or W1)"
        )
    return found


# PMID before PMCID: a bare number is a PMID, and PMCIDs are written with their letters.
_GUESS_ORDER = (Scheme.DOI, Scheme.PMID, Scheme.PMCID, Scheme.OPENALEX)
