"""De-identification of any text: spans inside it, nothing left of known names, stable output."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.gateway.deid.contract import LANGS
from euthymia.gateway.deid.known import Known
from euthymia.gateway.deid.notes import deidentify

TEXT = (
    "patient seen today mood low plan sertraline 50 mg Hamilton 18 Dr Ana Ruiz called on 3 May "
    "2024 at 600 123 456 lives Calle Mayor 3 paciente refiere ánimo bajo con su hermana Beatriz "
    ". , \n : ( )"
)
WORDS = st.sampled_from(TEXT.split(" "))
NOTES = st.lists(WORDS, max_size=40).map(" ".join)
KNOWN = Known(names=("Anabella Kowalczyk Ibáñez",), ids=("HX-40711",))


@settings(max_examples=60 * MORE, deadline=None)
@given(text=st.text(max_size=200) | NOTES, lang=st.sampled_from(LANGS))
def test_spans_lie_inside_in_order_and_apart(text: str, lang: str) -> None:
    done = deidentify(text, lang, KNOWN)
    end = 0
    for span in sorted((*done.spans, *done.kept)):
        assert end <= span.start < span.end <= len(done.source)
        assert not done.source[span.start].isspace()
        assert not done.source[span.end - 1].isspace()
        assert 0 < span.confidence <= 1
        end = span.end


@settings(max_examples=50 * MORE, deadline=None)
@given(text=NOTES, lang=st.sampled_from(LANGS))
def test_what_comes_out_in_tags_stays_as_it_is(text: str, lang: str) -> None:
    once = deidentify(text, lang, accept=True).text
    assert once is not None
    again = deidentify(once, lang, accept=True).text
    assert again == once


CASES = st.sampled_from([str, str.upper, str.lower, str.title, str.swapcase])
BARE = st.sampled_from(
    [lambda s: s, lambda s: "".join(c for c in unicodedata.normalize("NFD", s) if c.isascii()),
     lambda s: unicodedata.normalize("NFD", s)]
)  # fmt: skip
GAPS = st.sampled_from([" ", "  ", "\u00a0", "-", "", "\u200b", ", "])


@settings(max_examples=60 * MORE, deadline=None)
@given(
    case=CASES, bare=BARE, gap=GAPS, turned=st.booleans(), lead=NOTES, lang=st.sampled_from(LANGS)
)
def test_a_known_name_never_survives_case_accents_spacing_or_order(
    case, bare, gap, turned, lead, lang
) -> None:
    parts = ["Anabella", "Kowalczyk", "Ibáñez"]
    name = gap.join(reversed(parts) if turned else parts)
    done = deidentify(f"{lead} it was {bare(case(name))} who came.", lang, KNOWN, accept=True)
    assert done.text is not None
    plain = "".join(c for c in unicodedata.normalize("NFD", done.text.lower()) if c.isascii())
    assert not any(part in plain for part in ("anabella", "kowalczyk", "ibanez"))
