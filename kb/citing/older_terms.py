"""English as pandoc 2.17.1.1 speaks it: with the terms of CSL 1.0.1.

The references the project is measured by were made with it, so the styles that stand for them
(styles.py) print "Report 5" and "Tran." where CSL 1.0.2 has "Report No. 5" and "Trans.". Found by
printing every term of the en-US locale with pandoc and comparing.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from lxml import etree

from kb.citing.locales import CSL

# Terms that came with CSL 1.0.2, where the styles concerned call them.
_UNKNOWN = frozenset(
    {
        "advance-online-publication", "article-locator", "broadcast", "chair", "chapter-number",
        "collection", "collection-editor", "collection-number", "compiler", "composer",
        "contributor", "curator", "dataset", "editor-translator", "executive-producer", "graphic",
        "guest", "hearing", "host", "legislation", "manuscript", "map", "motion_picture",
        "narrator", "number", "number-of-volumes", "on", "organizer", "original-work-published",
        "patent", "performer", "personal-communication", "post", "preprint", "producer", "report",
        "review", "review-book", "review-of", "script-writer", "series-creator", "software",
        "song", "special-issue", "supplement",
    }
)  # fmt: skip
# Short forms and symbols that came later: the long form stands for them.
_UNKNOWN_FORMS = frozenset(
    {
        ("and", "symbol"), ("at", "symbol"), ("available at", "short"), ("cited", "short"),
        ("from", "short"), ("interview", "short"), ("interviewer", "short"), ("letter", "short"),
        ("retrieved", "short"), ("version", "short"),
    }
)  # fmt: skip
# In the singular and the plural.
_OTHERWISE = {
    ("ad", "long"): ("AD", "AD"),
    ("bc", "long"): ("BC", "BC"),
    ("circa", "short"): ("c.", "c."),
    ("edition", "short"): ("ed.", "ed."),
    ("editortranslator", "short"): ("ed. & tran.", "eds. & trans."),
    ("illustrator", "short"): ("ill.", "ills."),
    ("illustrator", "verb-short"): ("illus. by", "illus. by"),
    ("issue", "long"): ("number", "numbers"),
    ("month-06", "short"): ("Jun.", "Jun."),
    ("month-07", "short"): ("Jul.", "Jul."),
    ("month-09", "short"): ("Sep.", "Sep."),
    ("translator", "short"): ("tran.", "trans."),
}


def older(locale: Any) -> Any:
    """The en-US locale element with these terms taken out or changed."""
    made = deepcopy(locale)
    for term in list(made.iter(f"{CSL}term")):
        key = (term.get("name", ""), term.get("form", "long"))
        if key[0] in _UNKNOWN or key in _UNKNOWN_FORMS:
            term.getparent().remove(term)
        elif key in _OTHERWISE:
            term[:] = [etree.Element(f"{CSL}single"), etree.Element(f"{CSL}multiple")]
            term[0].text, term[1].text = _OTHERWISE[key]
    return made
