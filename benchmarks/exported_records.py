"""Records of generated works as nine databases and programs would export them, and of works that
are nearly the same and are not.

What varies is what real exports vary: names, capitals, diacritics, abbreviations, pages, years,
DOIs, remarks in titles, slips. `export` gives rows with the columns of `kb dedupe` and the work
that each is a record of.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

COLUMNS = (
    "record_id", "entry_type", "title", "author", "year", "journal", "booktitle", "volume",
    "number", "pages", "doi", "isbn", "abstract",
)  # fmt: skip
Row = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    id: str
    title: str
    authors: tuple[tuple[str, str], ...]  # family, given names
    year: int
    journal: str
    abbreviation: str
    volume: int | None
    number: str
    first: int
    last: int
    doi: str
    abstract: str
    is_meeting: bool = False


# -- works -----------------------------------------------------------------------------------------


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.replace("\n", " ").split(","))


_FAMILIES = _listed(
    """Smith, Müller, García, Wang, Li, Zhang, Chen, Kim, Nguyen, Johansson, Lindström, Østergaard,
    Novák, Kowalski, O'Connor, McDonald, Rossi, Silva, Santos, Fernández-López, Ivanov, Yılmaz,
    Tanaka, Suzuki, Singh, Patel, Kumar, Haddad, Cohen, Dubois, Lefèvre, Schröder, Weiß, Jönsson,
    Åkerlund, Brown, Jones, Williams, Taylor, Davies, Evans, Thomas, Roberts, Walker, Wright,
    Robinson, Thompson, White, Hughes, Edwards, Green, Hall, Wood, Bianchi, Moreau, Lambert, Okafor,
    Mensah, Abebe, Rahman, Hossain, Chowdhury, Park, Choi, Yamamoto, Kobayashi, Takahashi, Petrov,
    Horvat, Nagy, Popescu, Virtanen, Nieminen, Hansen, Andersen, Berg, Dahl, Meier, Keller, Huber"""
)
_BEGINNINGS = _listed(
    "Al, Bar, Cas, Dar, Fer, Gal, Hol, Kar, Lam, Mar, Nor, Pas, Rad, Sal, Tor, Vel"
)
_MIDDLES = _listed("a, e, i, o, u, en, in, on, er, or, as, is")
_ENDS = _listed(
    "berg, sen, son, ski, ov, ini, etti, mann, ström, dal, ier, eau, oglu, yama, kis, ez"
)
_PARTICLED = _listed("van der Berg, de Jong, von Bülow, Le Quintrec, Di Ruscio, van den Heuvel")
_GIVEN = _listed(
    """Anna, Maria, Johan, Peter, Lars, Wei, Yan, Min-Jun, Hiroshi, Kenji, José, María, François,
    Zoë, Elena, Ivan, Fatma, Ali, David, Sarah, Emily, James, Robert, Michael, Linda, Karen, Susan,
    Thomas, Mark, Daniel, Laura, Olga, Uwe, Bruno, Chiara, Giulia, Noah, Quentin, Victor, Xin"""
)
_DESIGNS = _listed(
    """A randomized controlled trial of, Effects of, Efficacy and safety of, A pilot study of,
    Long-term outcome after, Cost-effectiveness of, A systematic review of, Predictors of response
    to, Quality of life after, Mechanisms of, Prevalence of, Experiences with, Feasibility of, A
    cohort study of, Barriers to, The role of, Cognitive function after, Dosing of, Adherence to,
    Early versus late, Patient preferences for, Trends in, Pharmacokinetics of, Complications of"""
)
_MANNERS = _listed(
    """, , , intensive, low-dose, repeated, home-based, sequential, combined, prophylactic,
    intravenous, group-based, adjuvant, short-term, supervised, preoperative, standard, high-dose"""
)
_TOPICS = _listed(
    """mesenchymal stromal cell infusion, eculizumab, constraint-induced movement therapy,
    metformin, interferon-β, cognitive behavioural therapy, statins, deep brain stimulation,
    intermittent hypoxia, autologous bone marrow transplantation, inhaled corticosteroids,
    transcranial magnetic stimulation, insulin glargine, vitamin D3 supplementation, tDCS,
    anti-TNFα treatment, aerobic exercise, liquid-based cytology, HPV testing, haemodialysis,
    cardiac resynchronisation, music therapy, telerehabilitation, natalizumab, rituximab,
    mindfulness training, oxygen therapy, plasma exchange, cyclosporin, warfarin, beta-blockers,
    bariatric surgery, omega-3 fatty acids, erythropoietin, antidepressants, virtual reality"""
)
_ASPECTS = _listed(
    """, , gait speed, mortality, fatigue, bone density, glycaemic control, renal function, pain,
    working memory, blood pressure, hospital admission, microRNA expression, sleep, employment,
    regulatory T cells, white matter lesions, platelet counts, body weight, carers' burden, costs,
    self-efficacy, inflammation, endothelial function, upper limb function, anxiety, ventricles"""
)
_GROUPS = _listed(
    """adults with multiple sclerosis, children with atypical haemolytic uraemic syndrome, patients
    with acute ischaemic stroke, older people with depression, rats after focal ischemia, women with
    type 2 diabetes, men with prostate cancer, patients with chronic heart failure, survivors of
    traumatic brain injury, patients with COPD, mice with experimental colitis, adolescents with
    asthma, people with Parkinson's disease, kidney transplant recipients, pregnant women with
    obesity, patients with Crohn's disease, healthy volunteers, patients with lupus nephritis,
    infants born preterm, veterans with PTSD, people with aphasia, patients on dialysis"""
)
_TAILS = _listed(
    """, , , , , : a multicentre study, : study protocol, : results from a national registry,
    : a 12-month follow-up, in primary care, : an open-label phase II trial, and its predictors,
    : a case-control study, : lessons learned, in low-income countries, : a qualitative analysis"""
)
_JOURNALS = (
    ("Journal of Neurology", "J Neurol"),
    ("Brain Injury", "Brain Inj"),
    ("Stroke", "Stroke"),
    ("The New England Journal of Medicine", "N Engl J Med"),
    ("Pediatric Nephrology", "Pediatr Nephrol"),
    ("Archives of Physical Medicine and Rehabilitation", "Arch Phys Med Rehabil"),
    ("Journal of Clinical Endocrinology and Metabolism", "J Clin Endocrinol Metab"),
    ("Multiple Sclerosis Journal", "Mult Scler"),
    ("Circulation", "Circulation"),
    ("Circulation Research", "Circ Res"),
    ("BMC Neurology", "BMC Neurol"),
    ("Diabetes Care", "Diabetes Care"),
    (
        "Proceedings of the National Academy of Sciences of the United States of America",
        "Proc Natl Acad Sci U S A",
    ),
    ("European Journal of Clinical Nutrition", "Eur J Clin Nutr"),
    ("Cytopathology", "Cytopathology"),
    ("International Journal of Stroke", "Int J Stroke"),
    ("Depression and Anxiety", "Depress Anxiety"),
    ("American Journal of Transplantation", "Am J Transplant"),
    ("Thorax", "Thorax"),
)


def people(dice: random.Random) -> tuple[tuple[str, str], ...]:
    count = min(12, 1 + int(dice.expovariate(0.25)))
    return tuple(
        (family_name(dice), " ".join(dice.sample(_GIVEN, 1 + (dice.random() < 0.4))))
        for _ in range(count)
    )


def family_name(dice: random.Random) -> str:
    """A third are common, as in life; the others are made of parts, some thousands."""
    turn = dice.random()
    if turn < 0.05:
        return dice.choice(_PARTICLED)
    if turn < 0.35:
        return dice.choice(_FAMILIES)
    return dice.choice(_BEGINNINGS) + dice.choice(_MIDDLES) + dice.choice(_ENDS)


def a_work(dice: random.Random, id: str, title: str | None = None) -> Work:
    """A work; titles repeat their parts, journals and names are few, as in one field."""
    journal, abbreviation = dice.choice(_JOURNALS)
    first = dice.randint(1, 2500)
    year = dice.randint(1985, 2024)
    return Work(
        id=id,
        title=title or made_up_title(dice),
        authors=people(dice),
        year=year,
        journal=journal,
        abbreviation=abbreviation,
        volume=dice.randint(1, 380),
        number=str(dice.randint(1, 12)),
        first=first,
        last=first + dice.randint(2, 14),
        doi=f"10.{dice.randint(1000, 1300)}/{abbreviation.split()[0].lower()}.{year}.{id}",
        abstract=f"BACKGROUND: {id} "
        + " ".join(made_up_title(dice) for _ in range(3))
        + f". METHODS: {dice.randint(10, 999)} were studied.",
    )


def made_up_title(dice: random.Random) -> str:
    words = [dice.choice(_DESIGNS), dice.choice(_MANNERS), dice.choice(_TOPICS)]
    if dice.random() < 0.3:
        words += ["and", dice.choice(_TOPICS)]
    if dice.random() < 0.15:
        unit = dice.choice(("weeks", "months", "mg/kg", "years"))
        words += [dice.choice(("at", "for", "after")), str(dice.randint(2, 90)), unit]
    aspect = dice.choice(_ASPECTS)
    words += [f"on {aspect}" if aspect else "", "in", dice.choice(_GROUPS), dice.choice(_TAILS)]
    title = " ".join(word for word in words if word).replace(" :", ":")
    return title[0].upper() + title[1:]


# -- the ways of exports ---------------------------------------------------------------------------


def _plain(text: str) -> str:
    text = text.replace("ø", "o").replace("Ø", "O").replace("ß", "ss").replace("ı", "i")
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _initials(given: str, dot: str = ".", gap: str = " ") -> str:
    return gap.join(p[0] + dot for p in given.replace("-", " ").split())


def _bibtex(work: Work, *, is_full: bool = False) -> str:
    return " and ".join(
        f"{family}, {given if is_full else _initials(given)}" for family, given in work.authors
    )


def _pubmed(work: Work, dice: random.Random) -> Row:
    title = work.title + "."
    if dice.random() < 0.04:
        title += f"[Erratum appears in {work.abbreviation}. {work.year} Jun;3(2):11]"
    elif dice.random() < 0.03:
        title = f"[{work.title}]."
    last = str(work.last)
    short = last[-2:] if str(work.first)[:-2] == last[:-2] and len(last) > 2 else last
    return {
        "author": " and ".join(f"{f}, {_initials(g, '', '')}" for f, g in work.authors),
        "title": title,
        "journal": dice.choice((work.abbreviation, work.journal)),
        "pages": f"{work.first}-{short}",
    }


def _embase(work: Work, dice: random.Random) -> Row:
    people = "; ".join(f"{_plain(f)} {_initials(g, '.', '')}" for f, g in work.authors)
    return {
        "author": people,
        "title": _plain(work.title.replace("β", "beta").replace("α", "alpha")),
        "journal": work.journal + dice.choice(("", ".", " (United States)")),
        "doi": dice.choice((f"http://dx.doi.org/{work.doi}", work.doi)),
    }


def _scopus(work: Work, dice: random.Random) -> Row:
    return {
        "author": ", ".join(f"{f} {_initials(g, '.', '')}" for f, g in work.authors)
        if len(work.authors) > 1
        else _bibtex(work),
        "title": work.title,
        "abstract": work.abstract + f" © {work.year} The Authors.",
        "journal": work.journal.replace(" and ", " & ") if dice.random() < 0.3 else work.journal,
    }


def _wos(work: Work, dice: random.Random) -> Row:
    return {
        "author": _plain(_bibtex(work, is_full=dice.random() < 0.5)),
        "title": " ".join(w[:1].upper() + w[1:] for w in work.title.split()),
        "journal": work.journal.upper(),
        "pages": f"{work.first}-+" if dice.random() < 0.2 else f"{work.first}-{work.last}",
        "doi": work.doi.upper(),
    }


_SUBTITLES = (": An International Journal", ": Official Journal of the Society")


def _ovid(work: Work, dice: random.Random) -> Row:
    return {
        "author": "".join(f"{_plain(f)} {_initials(g)}" for f, g in work.authors),
        "title": work.title.upper() if dice.random() < 0.4 else work.title,
        "journal": work.journal + dice.choice((*[""] * 8, *_SUBTITLES)),
        "number": f"{work.number}-{int(work.number) + 1}"
        if work.number and dice.random() < 0.1
        else work.number,
    }


def _cinahl(work: Work, dice: random.Random) -> Row:
    title, _, subtitle = work.title.partition(":")
    return {
        "author": " and ".join(f"{f}, {g}" for f, g in work.authors[:3])
        + (" and others" if len(work.authors) > 3 else ""),
        "title": title if subtitle and len(title) > 60 and dice.random() < 0.3 else work.title,
        "abstract": work.abstract[:200],
        "pages": f"{work.first}",
    }


def _central(work: Work, dice: random.Random) -> Row:
    return {
        "author": "; ".join(f"{f}, {_initials(g, '', '')}" for f, g in work.authors),
        "title": work.title + dice.choice(("", "", " (Provisional abstract)", " [abstract]")),
        "journal": work.journal.lower(),
        "doi": "",
        "number": "",
    }


def _zotero(work: Work, dice: random.Random) -> Row:
    title = work.title.replace("β", "&beta;") if dice.random() < 0.5 else work.title
    return {
        "author": _bibtex(work, is_full=True),
        "title": title.replace("D3", "D<sub>3</sub>"),
        "doi": f"https://doi.org/{work.doi}",
        "year": f"{work.year}-0{dice.randint(1, 9)}-11",
        "pages": f"{work.first}–{work.last}",
    }


def _scholar(work: Work, dice: random.Random) -> Row:
    cut = work.authors[:4]
    return {
        "author": ", ".join(f"{_initials(g, '', '')} {f}" for f, g in cut)
        + ("…" if len(work.authors) > 4 else ""),
        "title": work.title[:1] + work.title[1:].lower(),
        "abstract": "",
        "doi": "",
        # Without its venue a preprint could not be told from its article by anybody.
        **(
            {"journal": "", "volume": "", "number": "", "pages": ""}
            if dice.random() < 0.3 and work.journal != "medRxiv"
            else {}
        ),
    }


DATABASES: dict[str, Callable[[Work, random.Random], Row]] = {
    "pubmed": _pubmed, "embase": _embase, "scopus": _scopus, "wos": _wos, "ovid": _ovid,
    "cinahl": _cinahl, "central": _central, "zotero": _zotero, "scholar": _scholar,
}  # fmt: skip


def rendered(work: Work, database: str, dice: random.Random, *, damage: float = 1.0) -> Row:
    """A record of the work; `damage` scales how often something is wrong or missing in it."""
    row = {
        "entry_type": "inproceedings" if work.is_meeting else "article",
        "title": work.title,
        "author": _bibtex(work),
        "year": str(work.year),
        "journal": "" if work.is_meeting else work.journal,
        "booktitle": work.journal if work.is_meeting else "",
        "volume": str(work.volume or ""),
        "number": work.number,
        "pages": f"{work.first}-{work.last}" if work.first else "",
        "doi": work.doi,
        "isbn": "",
        "abstract": work.abstract,
    }
    row.update(DATABASES[database](work, dice))
    if work.is_meeting:
        row["booktitle"], row["journal"] = row["journal"] or work.journal, ""
    if not work.first:
        row["pages"] = ""

    def chance(share: float) -> bool:
        return dice.random() < share * damage

    if chance(0.35):
        row["doi"] = ""
    if chance(0.25):
        row["abstract"] = ""
    if chance(0.05):
        row["number"] = ""
    if chance(0.04):
        row["pages"] = ""
    if chance(0.03):
        row["volume"] = ""
    if chance(0.03):
        row["volume"], row["number"] = row["number"], row["volume"]
    if chance(0.02):
        row["volume"] = f"{row['volume']} ({row['number']}) (no pagination)"
    if chance(0.03) and not work.is_meeting:
        row["year"] = str(work.year - 1)
        if chance(0.5):
            row["volume"] = row["number"] = row["pages"] = ""
    if chance(0.05):
        row["title"] = slipped(row["title"], dice)
    if chance(0.02):
        row["author"] = ""
    if chance(0.03):
        row["author"] = slipped(row["author"], dice)
    if chance(0.02):
        row["title"] = row["title"].replace("aem", "em").replace("isation", "ization")
    if chance(0.01):
        row["title"] = row["title"].encode().decode("latin-1")
    if chance(0.02):
        row["title"] = row["title"][:200]
    return row


def slipped(text: str, dice: random.Random) -> str:
    """With one letter left out, doubled or exchanged with its neighbour."""
    places = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if not places:
        return text
    i = dice.choice(places)
    return dice.choice(
        (text[:i] + text[i + 1 :], text[:i] + text[i] + text[i:],
         text[:i] + text[i + 1] + text[i] + text[i + 2 :])
    )  # fmt: skip


# -- nearly the same, and not ----------------------------------------------------------------------


def near_misses(work: Work, dice: random.Random) -> Iterator[Work]:
    """Works that are not `work`, one of each kind: the id says which."""

    def other(kind: str, **changes: object) -> Work:
        apart = {
            "id": f"{work.id}-{kind}",
            "first": work.last + dice.randint(1, 300),
            "doi": f"{work.doi}.{kind}",
            "abstract": f"Another text about {kind}. " + made_up_title(dice) * 2,
        }
        made = replace(work, **(apart | changes))  # type: ignore[arg-type]
        return replace(made, last=made.first + dice.randint(1, 9) if made.first else 0)

    later = {"year": work.year + 1, "volume": (work.volume or 0) + 1}
    yield other("part", title=f"{work.title}. Part II", **later)
    yield other("reply", title=f"{work.title}: authors' reply", authors=people(dice))
    yield other("letter", title=f"Re: {work.title}", authors=people(dice), **later)
    yield other("erratum", title=f"Erratum: {work.title}", **later)
    yield other("retraction", title=f"Retraction notice to: {work.title}", year=work.year + 3,
                volume=(work.volume or 0) + 3)  # fmt: skip
    yield other("abstract", journal="European Congress of Clinical Medicine",
                abbreviation="Eur Congr Clin Med", year=work.year - 1, volume=None, number="",
                first=dice.randint(1, 400), is_meeting=True)  # fmt: skip
    yield other("preprint", journal="medRxiv", abbreviation="medRxiv", volume=None, number="",
                first=0, doi=f"10.1101/{work.year}.01.02.{dice.randint(10**7, 10**8)}",
                abstract=work.abstract)  # fmt: skip
    for kind, old, new in (
        ("mice", "rats", "mice"), ("men", "women", "men"), ("children", "adults", "children"),
        ("drug", "eculizumab", "ravulizumab"), ("hypo", "hyper", "hypo"),
        ("phase", "phase II", "phase III"),
        ("six", "12-month", "6-month"), ("type", "type 2", "type 1"), ("acute", "acute", "chronic"),
    ):  # fmt: skip
        if old in work.title:
            yield other(
                kind, title=work.title.replace(old, new), **(later if dice.random() < 0.5 else {})
            )
    yield other("namesake", title="Introduction", authors=people(dice))
    yield other("editorial", title="Editorial")


def annual_series(dice: random.Random, id: str) -> Iterator[Work]:
    """A meeting's introduction to one session, each year by the same people, and its editorials."""
    first = replace(
        a_work(dice, id), volume=None, number="", first=0, last=0, is_meeting=True,
        title=f"Introduction to the minitrack on {dice.choice(_TOPICS)} in {dice.choice(_GROUPS)}",
        journal="Hawaii International Conference on System Sciences",
        abbreviation="Hawaii Int Conf Syst Sci",
    )  # fmt: skip
    for year in range(2018, 2022):
        yield replace(first, id=f"{id}-{year}", year=year, doi=f"10.24251/hicss.{year}.{id}",
                      abstract="")  # fmt: skip
    for year in range(2018, 2021):
        title = f"Annual report {year} of the registry"
        report = a_work(dice, f"{id}-report-{year}", title)
        yield replace(report, year=year, authors=first.authors)


def export(
    dice: random.Random,
    count: int,
    *,
    titles: Sequence[str] = (),
    duplicated: float = 0.35,
    near: float = 0.25,
    damage: float = 1.0,
) -> tuple[list[Row], dict[str, str]]:
    """At least `count` records in no order, and the work of each by record id."""
    works: list[Work] = []
    made = 0
    rows: list[Row] = []
    truth: dict[str, str] = {}
    names = list(DATABASES)
    while len(rows) < count:
        made += 1
        title = titles[made % len(titles)] if titles and made <= len(titles) else None
        work = a_work(dice, f"w{made}", title)
        works = [work]
        if dice.random() < near:
            works.extend(w for w in near_misses(work, dice) if dice.random() < 0.5)
        if dice.random() < near / 20:
            works.extend(annual_series(dice, f"s{made}"))
        for one in works:
            copies = 1 + (dice.random() < duplicated) * dice.randint(1, 4)
            for database in dice.sample(names, copies):
                record_id = f"{database}{len(rows):07d}"
                row = rendered(one, database, dice, damage=damage)
                rows.append({"record_id": record_id, **row})
                truth[record_id] = one.id
    dice.shuffle(rows)
    return rows, truth
