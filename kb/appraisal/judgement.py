"""One assessor's appraisal of one study, and what the tool makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kb.appraisal.tool import Tool, ToolKind
from kb.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """`support` is why, in the assessor's words or as quoted; `locator` the place it rests on."""

    item: str  # key of the tool's item
    answer: str
    support: str | None = None
    locator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overall:
    """`answer` None where the tool gives none or not all is answered. `basis` says whose word it
    is: "stated" by the assessor, or "follows" from the domains."""

    answer: str | None
    basis: str | None
    score: int | None = None  # of a tool that sums points
    most: int | None = None  # points it could have
    warning: str | None = None


def checked(tool: Tool, judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """The judgements in the order and spelling of the tool.

    Raises InvalidInput for an item or answer the tool does not have, an item answered twice, and a
    tool that asks for reasons (levels) with none given for a level worse than the best.
    """
    found: dict[str, Judgement] = {}
    for given in judgements:
        item = tool.item(given.item)
        if item.key in found:
            raise InvalidInput(f"{tool.name} {item.key} ({item.title}) is answered twice")
        found[item.key] = Judgement(
            item=item.key,
            answer=tool.answer(given.answer),
            support=(given.support or "").strip() or None,
            locator=(given.locator or "").strip() or None,
        )
    return tuple(found[item.key] for item in tool.items if item.key in found)


def unanswered(tool: Tool, judgements: Sequence[Judgement]) -> tuple[str, ...]:
    """Keys of the items still open. Items for comparative studies count once one is answered."""
    answered = {j.item for j in judgements}
    asked = tool.items_for(is_comparative=_is_comparative(tool, answered))
    return tuple(item.key for item in asked if item.key not in answered)


def overall(tool: Tool, judgements: Sequence[Judgement], stated: str | None = None) -> Overall:
    """The overall judgement: as stated, else as it follows.

    RoB 2: High if any domain is, Some concerns if any is, else Low; several domains of some
    concern may be judged High by the assessor (Cochrane Handbook v6, table 8.2.b). ROBINS-I: at
    least the worst domain; no information in any domain, where none is worse than moderate, is no
    information (Sterne 2016, table 2). MINORS: the sum of points, out of 16 or 24 (Slim 2003). The
    checklists of JBI and NIH are not summed; their overall judgement is the assessor's alone.

    A stated judgement that is better than the domains permit is returned with a warning.
    """
    said = None if stated is None else tool.overall_judgement(stated)
    answers = {j.item: j.answer for j in judgements}
    if tool.kind is ToolKind.SCORES:
        if unanswered(tool, judgements):
            return Overall(answer=None, basis=None)
        points = [int(answer) for answer in answers.values()]
        best = int(tool.answers[-1])
        return Overall(answer=None, basis="follows", score=sum(points), most=best * len(points))
    if tool.kind is not ToolKind.LEVELS:
        return Overall(answer=said, basis=None if said is None else "stated")
    if unanswered(tool, judgements):
        return Overall(answer=said, basis=None if said is None else "stated")
    follows = _worst(tool, answers)
    if said is None:
        return Overall(answer=follows, basis="follows")
    ranks = {level: rank for rank, level in enumerate(tool.answers)}
    is_better = "No information" not in (said, follows) and ranks[said] < ranks[follows]
    return Overall(
        answer=said,
        basis="stated",
        warning=f"stated is {said}, the domains make it {follows} at best" if is_better else None,
    )


def _worst(tool: Tool, answers: Mapping[str, str]) -> str:
    levels = [level for level in tool.answers if level != "No information"]
    known = [levels.index(answer) for answer in answers.values() if answer in levels]
    worst = levels[max(known)] if known else "No information"
    if "No information" in answers.values() and worst not in ("Serious", "Critical"):
        return "No information"
    return worst


def _is_comparative(tool: Tool, answered: set[str]) -> bool:
    return any(item.is_comparative and item.key in answered for item in tool.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How many of the items asked are reported: a share of what was answered, never of guesses."""

    reported: int
    unclear: int
    absent: int

    @property
    def share(self) -> float | None:
        """From 0 to 1; None where nothing was answered."""
        asked = self.reported + self.unclear + self.absent
        return self.reported / asked if asked else None


def completeness(judgements: Sequence[Judgement]) -> Completeness:
    """Of a reporting tool's judgements."""
    answers = [j.answer for j in judgements]
    return Completeness(
        reported=answers.count("Reported"),
        unclear=answers.count("Unclear"),
        absent=answers.count("Absent"),
    )
