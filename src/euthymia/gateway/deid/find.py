"""All layers over one text: structured help, patterns, addresses, names, the tagger."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from euthymia.gateway.deid.addresses import address_spans
from euthymia.gateway.deid.calendar import calendar_spans, with_week
from euthymia.gateway.deid.care import (
    care_spans,
    initial_spans,
    letterhead_spans,
    signed_spans,
    surgery_spans,
)
from euthymia.gateway.deid.codes import (
    after_address,
    after_place,
    before_address,
    claimed_codes,
    code_spans,
    headed_spans,
    loud_firms,
    partnership_spans,
    saintly,
)
from euthymia.gateway.deid.companies import company_spans
from euthymia.gateway.deid.contract import Kind, Lang, NoTagger, Span, Tagger
from euthymia.gateway.deid.cues import sign_off
from euthymia.gateway.deid.dates import date_spans
from euthymia.gateway.deid.doubts import believed
from euthymia.gateway.deid.employers import led_firms, letterheads
from euthymia.gateway.deid.fields import field_spans, labelled, segment_spans
from euthymia.gateway.deid.firms import firm_spans
from euthymia.gateway.deid.fold import fold_each
from euthymia.gateway.deid.labelled import labelled_numbers
from euthymia.gateway.deid.landmarks import landmark_spans
from euthymia.gateway.deid.lexicon import Lexicon, lexicon
from euthymia.gateway.deid.merge import merged
from euthymia.gateway.deid.named_days import named_days
from euthymia.gateway.deid.names import NameFinder, echoes
from euthymia.gateway.deid.numbers import number_spans
from euthymia.gateway.deid.old_age import old_ages
from euthymia.gateway.deid.other_language import other_language, without_inner
from euthymia.gateway.deid.patterns import pattern_spans
from euthymia.gateway.deid.people import enumerated, people_spans
from euthymia.gateway.deid.places import Places
from euthymia.gateway.deid.plainly import blank_answers
from euthymia.gateway.deid.repeats import alike, like_days, repeated
from euthymia.gateway.deid.scripts import script_spans
from euthymia.gateway.deid.shapes import shape_spans
from euthymia.gateway.deid.spoken import spoken_spans, with_time
from euthymia.gateway.deid.tables import table_spans
from euthymia.gateway.deid.things import without_things
from euthymia.gateway.deid.tokens import Token, caseless, tokens_of
from euthymia.gateway.deid.told import beside_names, told_spans
from euthymia.gateway.deid.vocabulary import DEMONYMS, PROFESSIONS
from euthymia.gateway.deid.wellknown import well_known
from euthymia.gateway.deid.wrapped import unwrapped

_CODE_AFTER: Final = re.compile(r"[ ,]{0,3}\n?[ ,.(]{1,3}(\d{4,6}(?:-\d{3,4})?)(?![\w%/]|[.,]\d)")
_CODE_BEFORE: Final = re.compile(r"(?<![\w.,/])(\d{4,6})[ ,]{1,2}$")


def find(
    text: str, lang: Lang, *, known: Sequence[Span] = (), tagger: Tagger | None = None
) -> list[Span]:
    """Return everything in `text` that identifies somebody or narrows a person down, in order."""
    lists = lexicon(lang)
    text = unwrapped(text)
    low = fold_each(text)
    tokens = tokens_of(text, lang)
    blind = caseless(text)
    spans = list(known)
    spans += _days(text, low, tokens, lang)
    spans += script_spans(text)
    spans += pattern_spans(text, low)
    spans += number_spans(text, low)
    spans += labelled_numbers(text, low, tokens, blind=blind)
    fields = labelled(low)
    spans += field_spans(text, low, fields)
    if "PID|" in text:
        spans += segment_spans(text)
    spans += landmark_spans(text, tokens, blind=blind)
    spans += address_spans(low, tokens, lists, sign_off(low), blind=blind)
    if lang == "en":  # in Spanish the kind of place comes first, and `names` follows it
        spans += care_spans(low, tokens, blind=blind) + surgery_spans(text)
    spans += letterhead_spans(text) + initial_spans(text)
    spans += signed_spans(text, tokens, blind=blind)
    spans += firm_spans(tokens, lists, blind=blind) + partnership_spans(tokens)
    spans += loud_firms(tokens) if blind else []
    spans += well_known(tokens, blind=blind)
    spans += [
        *led_firms(low, tokens, lists, blind=blind),
        *company_spans(low, tokens, lists, blind=blind),
    ]
    spans += told_spans(text, low, tokens, lists) + old_ages(low)
    spans += shape_spans(text, low, tokens, lists, blind=blind)
    spans += table_spans(text) if "|" in text or "\t" in text else []
    spans += headed_spans(tokens) + code_spans(text, low, blind=blind)
    spans += people_spans(text, low, tokens, lists, blind=blind)
    spans += letterheads(text, spans, lists)
    spans += before_address(text, spans) + after_address(text, spans, lists)
    named = {f.start for f in fields if f.kind is Kind.PERSON}
    names = NameFinder(text, low, tokens, lang, named)
    spans += names.spans()
    spans += enumerated(spans, tokens, lists, blind=blind)
    for token in tokens:
        if token.low in PROFESSIONS and not token.upper:
            spans.append(Span(token.start, token.end, Kind.PROFESSION, 0.7, "names:profession"))
        elif token.low in DEMONYMS:
            spans.append(Span(token.start, token.end, Kind.COUNTRY, 0.7, "names:demonym"))
    spans += believed((tagger or NoTagger()).spans(text, lang), low, tokens, lists)
    spans = without_things(spans, tokens, lists, blind=blind)
    spans += echoes(spans, tokens, names.protected, lists.given, small=names.blind)
    spans += repeated(text, spans, tokens) + alike(text, spans) + like_days(low, spans)
    spans += _beside_places(text, spans) + beside_names(text, spans)
    spans += _small_places(tokens, lists) + after_place(text, spans, lists)
    saints = saintly(low)
    codes = claimed_codes(low) + saints + blank_answers(low)
    spans = _but_plain(spans, Places([*names.phrases, *codes]), Places(saints))
    return without_inner(
        merged(text, spans, [*names.protected, *codes]), other_language(text, lang)
    )


def _but_plain(spans: Sequence[Span], plain: Places, saints: Places) -> list[Span]:
    """Return spans without those of plain words; a feast is a day in them as well."""
    return [
        s
        for s in spans
        if s.source.startswith("known")
        or not (saints if s.source == "rule:feast" else plain).holds(s.start, s.end)
    ]


def _days(text: str, low: str, tokens: Sequence[Token], lang: Lang) -> list[Span]:
    """Return dates in numbers, in words, by a weekday or a feast, with their week and hour."""
    dates = date_spans(low, lang) + spoken_spans(low, lang) + calendar_spans(low, tokens)
    dates = with_week(low, with_time(low, dates)) + named_days(text, tokens, lang)
    return [_from_the_middle(low, span) for span in dates] if "mid-" in low else dates


def _from_the_middle(low: str, span: Span) -> Span:
    """Return the span with "mid-" before it: "mid-August" is one word."""
    start = span.start - len("mid-")
    whole = start >= 0 and low.startswith("mid-", start)
    return Span(start, span.end, span.kind, span.confidence, span.source) if whole else span


def _small_places(tokens: Sequence[Token], lists: Lexicon) -> list[Span]:
    """Return towns without a capital after "in" or "from", where the town is no other word."""
    out: list[Span] = []
    for before, token in pairwise(tokens):
        if (
            token.word
            and not (token.common or token.proper)
            and len(token.low) > 3
            and token.low in lists.places
            and before.low in {"in", "from", "to", "near", "en", "desde", "a"}
        ):
            out.append(Span(token.start, token.end, Kind.LOCATION, 0.75, "names:small-place"))
    return out


def _beside_places(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return postcodes that stand right before or after a place."""
    out: list[Span] = []
    for span in spans:
        if span.kind not in {Kind.LOCATION, Kind.COUNTRY} or span.confidence < 0.65:
            continue
        for pattern, at in ((_CODE_AFTER, span.end), (_CODE_BEFORE, max(0, span.start - 12))):
            match = (
                pattern.match(text, at) if at == span.end else pattern.search(text, at, span.start)
            )
            if match is not None:
                start, end = match.span(1)
                out.append(Span(start, end, Kind.POSTCODE, 0.8, "rule:postcode"))
    return out
