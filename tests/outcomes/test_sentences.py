"""A locator leads to a sentence, and a number is said to stand there only if it does."""

from time import perf_counter

import pytest

from kb.models.records import AbstractSection
from kb.outcomes.sentences import Hints, Located, Stated, Verdict, locate, sentences
from tests.conftest import shared

STANDS, ELSEWHERE, ABSENT = Verdict.STANDS, Verdict.ELSEWHERE, Verdict.ABSENT

# The facts of Iacobaeus 2019 in words of our own, printed as an aggregator prints them.
SEED = (
    AbstractSection(
        text="Progressive MS was treated in seven people. Each got one intravenous infusion of "
        "autologous MSC (1–2 × 106 cells per kg).",
        label="METHODS",
    ),
    AbstractSection(
        text="Five of the seven people completed all 48 weeks. At 12 weeks MRI found no new T2 "
        "lesions in 5/6; by 48 weeks 3/5 had new T2 lesions. The EDSS was stable at 12 weeks in "
        "6/6, yet it had worsened in 3/5 at 48 weeks. MicroRNA levels changed within 2 h.",
        label="RESULTS",
    ),
)


def found(*sections: str) -> list[str]:
    return [s.text for s in sentences(AbstractSection(text=text) for text in sections)]


def counts(events: float, n: float) -> list[Stated]:
    return [
        Stated(name="events", value=events, text=f"{events:g}"),
        Stated(name="n_analysed", value=n, text=f"{n:g}"),
    ]


def about(*wordings: str, weeks: float | None = None, side: str | None = None) -> Hints:
    unit = None if weeks is None else "week"
    return Hints(wordings=wordings, time_value=weeks, time_unit=unit, side=side)


def where(text: str, cells: list[Stated], hints: Hints | None = None) -> Located | None:
    return locate([AbstractSection(text=text)], cells, hints or Hints())


def some(located: Located | None) -> Located:
    assert located is not None
    return located


def verdicts(located: Located | None) -> list[Verdict]:
    return [cell.verdict for cell in some(located).cells]


# -- sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("MSC vs. placebo was tested.", id="vs."),
        pytest.param("As Bonab et al. Reported, it held.", id="et al."),
        pytest.param("A scale, i.e. EDSS, e.g. The total.", id="i.e. and e.g."),
        pytest.param("It rose (P < .001) by 2.5 points.", id="p value and decimal"),
        pytest.param("See Fig. 2 and no. 5 for more.", id="figure and number"),
        pytest.param("Cells were given by J. Smith and K. L. Jones.", id="initials"),
        pytest.param("Cells (approx. 20 million) i.v. Infused slowly.", id="short forms"),
        pytest.param("Age was 42.1 ± 7.5 yr. at entry.", id="unit"),
        pytest.param("Registered at www.ClinicalTrials.gov as NCT1.", id="address"),
    ],
)
def test_a_full_stop_within_a_sentence_does_not_end_it(text):
    assert found(text) == [text]


@pytest.mark.parametrize(
    ("text", "second"),
    [
        pytest.param("It fell in MS. The rest did not.", "The rest did not.", id="capitals"),
        pytest.param("It fell by 2.5.Patients felt it.", "Patients felt it.", id="no space"),
        pytest.param("All went well. miRNA rose.", "miRNA rose.", id="small first letter"),
        pytest.param("Cells were given i.v. The dose was low.", "The dose was low.", id="i.v."),
        pytest.param("It ended in 2019. 12 were left.", "12 were left.", id="digit"),
        pytest.param("Safe (P = .03). [No harm.]", "[No harm.]", id="bracket"),
        pytest.param("Was it safe? It was.", "It was.", id="question"),
    ],
)
def test_a_sentence_ends_where_a_reader_ends_it(text, second):
    assert found(text)[1:] == [second]


def test_sentences_are_counted_through_and_keep_their_section():
    read = sentences(SEED)
    assert [s.number for s in read] == list(range(1, len(read) + 1))
    assert [s.label for s in read] == ["METHODS"] * 2 + ["RESULTS"] * 4


# -- the seed study ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "hints", "said"),
    [
        pytest.param(
            counts(5, 7), about("Completed follow-up", weeks=48), "Five of the seven", id="5/7"
        ),
        pytest.param(counts(5, 6), about("No new T2 lesions", weeks=12), "MRI", id="5/6"),
        pytest.param(counts(3, 5), about("New T2 lesions", weeks=48), "MRI", id="3/5 lesions"),
        pytest.param(counts(6, 6), about("EDSS stable", weeks=12), "The EDSS", id="6/6"),
        pytest.param(counts(3, 5), about("EDSS worsened", weeks=48), "The EDSS", id="3/5 EDSS"),
        pytest.param(
            [Stated(name="low", value=1, power=6), Stated(name="high", value=2, power=6)],
            about("dose cells/kg intravenous"),
            "(1–2 × 106",
            id="dose as an aggregator prints it",
        ),
        pytest.param(
            [Stated(name="n_treated", value=7), Stated(name="n_completed", value=5)],
            about("Autologous MSC"),
            "Five of the seven",
            id="arm",
        ),
    ],
)
def test_the_seed_numbers_are_found_in_the_sentence_that_reports_them(cells, hints, said):
    located = some(locate(SEED, cells, hints))
    assert set(verdicts(located)) == {STANDS}
    assert said in located.sentence.text


def test_the_published_abstract_of_the_seed_carries_its_numbers():
    page = shared("seed/catalogue-page.txt").read_text(encoding="utf-8")
    abstract = page.partition("\nAbstract\n")[2].partition("\nReferences")[0]
    text = [AbstractSection(text=abstract.strip())]
    for cells, hints, said in (
        (counts(5, 7), about("Completed follow-up", weeks=48), "completed the follow up"),
        (counts(5, 6), about("No new T2 lesions", weeks=12), "5/6"),
        (counts(3, 5), about("New T2 lesions", weeks=48), "T2 lesions at 48"),
        (counts(6, 6), about("EDSS stable", weeks=12), "6/6"),
        (counts(3, 5), about("EDSS worsened", weeks=48), "EDSS"),
        ([Stated(name="low", value=1), Stated(name="high", value=2)], about("dose"), "1–2 × 106"),
    ):
        located = some(locate(text, cells, hints))
        assert set(verdicts(located)) == {STANDS}
        assert said in located.sentence.text
        assert len(located.quote()) <= 300


def test_a_result_told_in_words_alone_is_located_by_its_words_and_time():
    hints = Hints(wordings=("Circulating microRNA levels",), time_value=2, time_unit="hour")
    located = some(locate(SEED, [], hints))
    assert (located.words, located.names_time) == (("MicroRNA", "levels"), True)


# -- verdicts ------------------------------------------------------------------------------------


def test_a_number_in_another_sentence_is_elsewhere_and_says_in_which():
    located = where(
        "Fifteen patients took part. The mean EDSS was 6.7 (SD 1.0).",
        [
            Stated(name="n_analysed", value=15),
            Stated(name="mean", text="6.7"),
            Stated(name="sd", text="1.0"),
        ],
        about("EDSS"),
    )
    assert verdicts(located) == [ELSEWHERE, STANDS, STANDS]
    assert some(located).cells[0].how == "in sentence 1"


def test_a_number_that_is_not_printed_is_absent():
    located = where(
        "The mean was 6.67 in 12 patients.", [*counts(5, 12), Stated(name="mean", value=6.7)]
    )
    assert verdicts(located) == [ABSENT, STANDS, ABSENT]


def test_no_sentence_is_named_where_none_of_the_numbers_stands():
    assert where("New T2 lesions were rare.", counts(3, 5), about("New T2 lesions")) is None
    assert locate([], counts(3, 5), about("New T2 lesions")) is None


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(Stated(name="events", value=6, is_printed=False), id="computed"),
        pytest.param(Stated(name="events"), id="no number"),
        pytest.param(Stated(name="p", text="not significant"), id="p in words"),
    ],
)
def test_what_no_text_can_confirm_is_never_confirmed(cell):
    located = where("EDSS was stable in 6 of 6.", [cell, Stated(name="n_analysed", value=6)])
    assert verdicts(located) == [Verdict.NOT_CHECKABLE, STANDS]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("They improved at 12 weeks.", id="a time"),
        pytest.param("They improved by week 12.", id="a time named before"),
        pytest.param("They improved in 12%.", id="a percentage"),
        pytest.param("They improved by a 12-point step.", id="a size"),
        pytest.param("They had grade 12 pain.", id="a grade"),
        pytest.param("IL-12 improved.", id="a name"),
        pytest.param("They got 12 × 10^6 cells.", id="a dose"),
    ],
)
def test_a_count_is_not_confirmed_by(text):
    assert where(text, [Stated(name="events", value=12)]) is None


def test_the_time_of_a_result_is_not_its_value_but_another_time_may_be():
    days_out = [Stated(name="mean", value=12)]
    assert where("It was read at 12 weeks.", days_out, about("days", weeks=12)) is None
    assert verdicts(where("They stayed 12 days.", days_out, about("days", weeks=4))) == [STANDS]


@pytest.mark.parametrize(
    ("said", "printed", "verdict"),
    [
        pytest.param("< 0.001", "P < .001", STANDS, id="spelling"),
        pytest.param(".047", "p=0·047", STANDS, id="no operator said"),
        pytest.param("< 0.05", "p = 0.05", ABSENT, id="another operator"),
        pytest.param("0.03", "a change of 0.03", ABSENT, id="no p value"),
    ],
)
def test_a_p_value_is_confirmed_only_by_a_p_value(said, printed, verdict):
    cells = [Stated(name="n_analysed", value=9), Stated(name="p", text=said)]
    assert verdicts(where(f"EDSS fell in 9 patients ({printed}).", cells)) == [STANDS, verdict]


def test_ten_to_the_sixth_and_106_are_two_numbers():
    one_hundred_and_six = [Stated(name="value", value=106, power=6)]
    assert where("They got 2 × 10^6 cells.", one_hundred_and_six) is None
    assert where("They got 2 × 106 cells.", one_hundred_and_six) is None


def test_a_dose_is_compared_with_its_power_of_ten():
    twenty_million = [Stated(name="value", value=20, power=6)]
    assert verdicts(where("They got 2 × 10⁷ cells.", twenty_million)) == [STANDS]
    assert where("They got 20 × 10⁷ cells.", twenty_million) is None


def test_a_percentage_supports_its_count_only_weakly():
    located = where("Lesions were new in 20%.", counts(1, 5), about("New lesions"))
    assert verdicts(located) == [ABSENT, ABSENT]
    assert some(located).cells[0].how == "only as 20 %"
    percent = where("Lesions were new in 1/5.", [Stated(name="percent", value=20)])
    assert (verdicts(percent), some(percent).cells[0].how) == ([ABSENT], "only as 1 of 5")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("No new T2 lesions in 5/6.", id="a denominator alone"),
        pytest.param("Six of 7 were stable.", id="a numerator of another denominator"),
    ],
)
def test_six_of_six_is_not_confirmed_by(text):
    assert where(text, counts(6, 6), about("EDSS", side="stable")) is None


def test_a_printed_number_stands_for_one_cell_only():
    located = where("6 patients were stable.", counts(6, 6), about("EDSS", side="stable"))
    assert sorted(verdicts(located)) == sorted([STANDS, ABSENT])


def test_a_fall_printed_without_its_sign_says_so():
    located = where("EDSS decreased by 0.5 points.", [Stated(name="mean", value=-0.5)])
    assert verdicts(located) == [STANDS]
    assert some(located).cells[0].how == "without its sign, as a decrease"
    assert where("EDSS rose by 0.5 points.", [Stated(name="mean", value=-0.5)]) is None


# -- zero ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("There were no serious adverse events.", id="no"),
        pytest.param("Serious adverse events occurred in none.", id="none"),
        pytest.param("Treatment went without serious adverse events.", id="without"),
        pytest.param("Serious adverse events were not observed.", id="not observed"),
        pytest.param("We did not identify any serious adverse events.", id="not identify"),
        pytest.param("No SAEs were seen.", id="short form"),
        pytest.param("No adverse events were seen.", id="none of any kind"),
        pytest.param("Serious adverse events: 0 patients.", id="a printed zero"),
    ],
)
def test_a_zero_from_a_statement_is_found(text):
    cell = [Stated(name="persons_affected", value=0)]
    assert verdicts(where(text, cell, about("Serious adverse event"))) == [STANDS]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("No deaths were seen.", id="another event"),
        pytest.param("There were no severe adverse events.", id="another kind"),
        pytest.param("No patient died; 3 had serious adverse events.", id="another clause"),
        pytest.param("Serious adverse events were rare.", id="no zero word"),
    ],
)
def test_a_zero_does_not_follow_from(text):
    cell = [Stated(name="persons_affected", value=0)]
    assert where(text, cell, about("Serious adverse event")) is None


def test_none_worsened_is_not_none_improved():
    text = "EDSS improved in three, was stable in two and worsened in none."
    worsened = about("EDSS worsened", side="worsened")
    assert verdicts(where(text, [Stated(name="events", value=0)], worsened)) == [STANDS]
    said = "No patient's EDSS improved."
    assert where(said, [Stated(name="events", value=0)], worsened) is None


# -- the quote -----------------------------------------------------------------------------------


def test_a_long_sentence_is_cut_around_its_numbers():
    text = (
        f"{'Much was said before and ' * 20}3 of 5 had new lesions {'and much after it ' * 20}so."
    )
    located = where(text, counts(3, 5))
    quote = some(located).quote()
    assert len(quote) <= 300
    assert "3 of 5" in quote
    assert (quote[0], quote[-1]) == ("…", "…")


def test_the_same_question_gets_the_same_sentence():
    text = "Two had it. Two had it again."
    asked = [where(text, [Stated(name="events", value=2)]) for _ in range(3)]
    assert {located and located.sentence.number for located in asked} == {1}


@pytest.mark.parametrize("text", [". " * 50_000, "e.g. " * 20_000, "1 of 2 at day 3, " * 3_000])
def test_a_long_text_takes_time_by_its_length_only(text):
    started = perf_counter()
    sections = [AbstractSection(text=text)]
    locate(sections, [Stated(name="events", value=7.0)], Hints())
    assert perf_counter() - started < 10
