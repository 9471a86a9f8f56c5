"""Names of people, places and institutions, told by lists, capitals and the words beside them.

Words with a capital that stand together form a run. A run is judged by what leads it in (a title, a
relation, a label), by the lists, and by whether medicine lays claim to it (a scale, a disease).
"""

# ruff: noqa: PLR0911 - one question after the other, each with its answer

from bisect import bisect_left
from typing import Final

from euthymia.gateway.deid.claims import Claims
from euthymia.gateway.deid.clinical import (
    MONTH_NAMES,
    eponym,
    medical,
    plain_phrases,
    substance,
)
from euthymia.gateway.deid.contract import Kind, Span
from euthymia.gateway.deid.cues import BORN_CUE, EMPLOYER, ORG_CUE, PLACE_CUE, WORK_CUE, cued
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.places import Places
from euthymia.gateway.deid.plainly import measured, of_nobody, used_plainly
from euthymia.gateway.deid.runs import Run
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    HOSPITAL_WORDS,
    LABEL_WORDS,
    NEVER_NAMES,
    NOT_NAMES,
    ORG_TAILS,
    ORG_WORDS,
    PARTICLES,
    RELATIONS,
    SAYS,
    STRONG_TITLES,
    TITLES,
    WEEKDAYS,
)

_NUMBERED: Final = words("numbered")
"""What a number follows: "Room 12", "Case 4433"."""
_UNITS: Final = words("small_units") | frozenset({"min", "mins", "hrs", "secs"})
_NO_ECHO: Final = NEVER_NAMES | LABEL_WORDS
_NUMBER_SIGNS: Final = frozenset({"no", "num", "number", "id", "#", "nº", "nbr"})


_DEPARTMENTS: Final = words("departments")
_LETTERS: Final = words("letters_after")
_NO_NAMES: Final = NEVER_NAMES | NOT_NAMES
_NO_NOUNS: Final = NEVER_NAMES | SAYS | PARTICLES
_AFTER_WILL: Final = words("after_will")
_OF_THINGS: Final = words("of_things")
_SEASONS: Final = frozenset({"summer", "autumn", "winter"})


class NameFinder(Claims):
    """Judges the runs of one text."""

    def spans(self) -> list[Span]:
        """Return what is found, in order; `protected` then holds what belongs to medicine."""
        out: list[Span] = []
        self.phrases = plain_phrases(self.text, self.low)
        self.protected += self.phrases
        self.protected += [
            (t.start, t.end)
            for t in self.tokens
            if t.word and t.common and substance(t.low) and not self._named(t.low)
        ]
        for run in self._runs():
            if not self._department(run):
                out += self._judge(run)
        return out + self._small_employers() if self.blind else out

    def _department(self, run: Run) -> bool:
        """Tell whether all words are those of services and courses: "Human Resources"."""
        own = self.tokens[run.i : run.j]
        own = own[1:] if own[0].first and own[0].common and len(own) > 2 else own
        return len(own) > 1 and all(t.low in _DEPARTMENTS for t in own)

    def _small_employers(self) -> list[Span]:
        """Return employers where capitals say nothing: from a cue to a word like "bakery"."""
        out: list[Span] = []
        for match in EMPLOYER.finditer(self.low):
            last = match.group("last")
            if last in ORG_WORDS or last in ORG_TAILS:
                out.append(
                    Span(
                        match.start("all"), match.end("all"), Kind.ORGANISATION, 0.75, "names:work"
                    )
                )
        return out

    def _judge(self, run: Run) -> list[Span]:
        if all(t.low in STRONG_TITLES for t in self.tokens[run.i : run.j]):
            return []
        start = self.tokens[run.i].start
        if (
            WORK_CUE.search(self.low, max(0, start - 42), start)
            and self.tokens[run.i].proper
            and not self.blind
            and not medical(self.tokens[run.i].low)
        ):
            return [self._span(run.i, run.j, Kind.ORGANISATION, 0.8, "work")]
        labelled = self._is_labelled(run)
        kin = self._of_kin(run)
        if kin is not None:
            return [kin]
        if (
            not self.blind
            and self.tokens[run.i].proper
            and BORN_CUE.search(self.low, max(0, start - 42), start)
            and not medical(self.tokens[run.i].low)
        ):
            return [self._span(run.i, run.j, Kind.LOCATION, 0.85, "place-cue")]
        whole = self._whole_place(run)
        if not labelled and not whole:
            self._trim(run)
        if run.j <= run.i:
            return []
        own = self.tokens[run.i : run.j]
        start = own[0].start
        lead = self.low[max(0, start - 42) : start]
        if run.titled or labelled:
            return self._person_run(run, 0.97, "title" if run.titled else "label")
        if whole:
            return self._geographic(run, lead)
        if self._medicine(run):
            self.protected.append((own[0].start, own[-1].end))
            return []
        if start > self.sign_off:
            found = self._signed(run, lead)
            if found:
                return found
        return (
            self._institutional(run, lead)
            or self._geographic(run, lead)
            or self._personal(run, lead)
            or self._place_inside(run)
        )

    def _of_kin(self, run: Run) -> Span | None:
        """Return the word with a capital right after "her friend": a name, whatever word it is."""
        token = self.tokens[run.i]
        before = self.tokens[run.i - 1] if run.i else None
        if (
            self.blind
            or before is None
            or before.low not in RELATIONS
            or before.proper
            or run.j - run.i != 1
            or not token.common
            or not token.proper
            or token.upper
            or len(token.low) < 3
            or token.low in (NOT_NAMES | NEVER_NAMES | TITLES) - _SEASONS
            or medical(token.low)
            or eponym(token.low)
        ):
            return None
        return self._span(run.i, run.j, Kind.PERSON, 0.8, "label")

    def _place_inside(self, run: Run) -> list[Span]:
        """Return a place of several words at the end of a run that says nothing else."""
        for i in range(run.i + 1, run.j):
            whole = " ".join(t.low for t in self.tokens[i : run.j])
            if whole in self.lex.countries or (
                whole in self.lex.places and self.tokens[i - 1].low in PARTICLES
            ):
                return [self._span(i, run.j, Kind.LOCATION, 0.75, "place")]
        return []

    def _person_run(self, run: Run, sure: float, source: str) -> list[Span]:
        own = self.tokens[run.i : run.j]
        last = run.i
        for k, token in enumerate(own):
            if token.word and (token.low in HOSPITAL_WORDS or token.low in ORG_WORDS) and k:
                break
            if k and (
                token.low in NOT_NAMES
                or (token.upper and token.low in _LETTERS)
                or (k > 1 and medical(token.low) and not self._named(token.low))
            ):
                break
            last = run.i + k
        if (
            source == "label"
            and len(own) == 1
            and own[0].common
            and (
                own[0].low in NEVER_NAMES
                or (not self._named(own[0].low) and not self._field_ends(run.j))
            )
        ):
            return []
        while (
            last > run.i
            and (self.tokens[last].low in PARTICLES or not self.tokens[last].word)
            and not self.tokens[last].proper
        ):
            last -= 1
        if self.blind and source == "label" and last + 1 == run.j:
            last = self._whole_value(last)
            run = Run(run.i, max(run.j, last + 1))
        found = [self._span(run.i, last + 1, Kind.PERSON, sure, source)]
        if last + 1 < run.j:
            found += self._judge(Run(last + 1, run.j))
        return found

    def _whole_value(self, last: int) -> int:
        """Return the last token of a label's value that ends right after one more word or two."""
        for k in range(last + 1, min(last + 3, len(self.tokens))):
            token = self.tokens[k]
            if not token.word or token.low in _NO_NAMES:
                break
            if self._field_ends(k + 1) or self.tokens[k + 1].text in {",", "(", "."}:
                return k
        return last

    def _field_ends(self, j: int) -> bool:
        """Tell whether the line ends here: the label's whole value stands before."""
        after = self.tokens[j : j + 2]
        return (
            not after
            or after[0].text == "\n"
            or after[0].start - self.tokens[j - 1].end > 2
            or (after[0].text == "." and after[-1].text in {".", "\n"})
        )

    def _signed(self, run: Run, lead: str) -> list[Span]:
        """Judge a run in the sender's block at the end of a letter: nearly all there identifies."""
        own = self.tokens[run.i : run.j]
        if own[0].low in NOT_NAMES or all(len(t.low) == 1 for t in own):
            return []
        if self._hospital(run.i, run.j) or self._institution(run.i, run.j):
            return self._institutional(run, lead)
        if own[0].start < self.sign_off + 6:
            return self._person_run(run, 0.97, "signature")
        whole = " ".join(t.low for t in own if t.word)
        if whole in self.lex.countries:
            return [self._span(run.i, run.j, Kind.COUNTRY, 0.95, "place")]
        if any(
            not t.common or self._named(t.low) or t.low in self.lex.places for t in own if t.word
        ):
            return [self._span(run.i, run.j, Kind.LOCATION, 0.8, "signature")]
        return []

    def _institutional(self, run: Run, lead: str) -> list[Span]:
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        head = next(
            (n for n, t in enumerate(own) if t.low in HOSPITAL_WORDS or t.low == "hospitalario"),
            None,
        )
        heading = not self.blind and all(t.upper and t.common for t in own)
        if head is not None and not heading and len(own) > 1:
            return self._hospital_span(run)
        if heading and head is not None:
            return []
        if len(own) > 2 and own[0].low == "centro" and own[1].low == "de":
            return [self._span(run.i, run.j, Kind.HOSPITAL, 0.85, "institution")]
        if len(own) > 1 and (
            own[-1].low in ORG_TAILS
            or own[0].low in ORG_WORDS
            or own[0].low in {"centro", "complejo", "consorcio"}
        ):
            return [self._span(run.i, run.j, Kind.ORGANISATION, 0.85, "institution")]
        if ORG_CUE.search(lead) and len(own) > 1 and own[-1].low in ORG_WORDS:
            return [self._span(run.i, run.j, Kind.ORGANISATION, 0.8, "institution")]
        return []

    def _hospital_span(self, run: Run) -> list[Span]:
        own = self.tokens[run.i : run.j]
        stop = next(
            (
                n
                for n, t in enumerate(own)
                if n
                and t.low
                in {
                    "servicio",
                    "unidad",
                    "departamento",
                    "seccion",
                    "avda",
                    "avenida",
                    "calle",
                    "plaza",
                    "paseo",
                    "ctra",
                }
            ),
            len(own),
        )
        head = next(
            (
                n
                for n, t in enumerate(own)
                if t.low in HOSPITAL_WORDS or t.low in {"hospitalario", "complejo"}
            ),
            0,
        )
        person = own[0].low in self.lex.given and len(own) > 1 and own[1].low in PARTICLES
        start = 0 if head <= 4 and not person else head
        if own[start].low in {"servicio", "unidad", "departamento"}:
            start = head
        end = run.i + stop
        while end > run.i + start + 1 and not (
            self.tokens[end - 1].word
            or self.tokens[end - 1].number
            or self.tokens[end - 1].text in "\"'”"
        ):
            end -= 1
        found = [self._span(run.i + start, end, Kind.HOSPITAL, 0.88, "hospital")]
        if start:
            found = self._judge(Run(run.i, run.i + start)) + found
        if stop < len(own):
            found += self._judge(Run(run.i + stop, run.j))
        return found

    def _geographic(self, run: Run, lead: str) -> list[Span]:
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        whole = " ".join(t.low for t in own)
        cue = PLACE_CUE.search(lead) is not None
        if whole in self.lex.countries or whole.removeprefix("the ") in self.lex.countries:
            return [self._span(run.i, run.j, Kind.COUNTRY, 0.93, "place")]
        person = own[0].low in self.lex.given or self._relation(run)
        if len(own) == 1 and own[0].upper and len(whole) < 6 and not cue and not self._is_loud():
            return []
        loud = own[0].upper and own[0].common and len(own) == 1 and not self.blind
        if (
            whole in self.lex.places
            and not loud
            and (cue or not (person or whole in WEEKDAYS))
            and (
                len(own) > 1 or not own[0].common or cue or (self.lang == "es" and not own[0].first)
            )
        ):
            sure = 0.93 if cue else 0.8
            return [self._span(run.i, run.j, Kind.LOCATION, sure, "place")]
        if BORN_CUE.search(lead) and not any(medical(t.low) for t in own):
            return [self._span(run.i, run.j, Kind.LOCATION, 0.85, "place-cue")]
        if (
            cue
            and all(self._unknown(t) or t.low in PARTICLES for t in own)
            and not any(t.upper and len(t.low) < 7 for t in own)
        ):
            return [self._span(run.i, run.j, Kind.LOCATION, 0.75, "place-cue")]
        return []

    def _personal(self, run: Run, lead: str) -> list[Span]:
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        sure = self._sure(run, own, lead)
        if sure <= 0:
            return []
        return [self._span(run.i, run.j, Kind.PERSON, sure, "names")]

    def _sure(self, run: Run, own: list[Token], lead: str) -> float:
        if all(len(t.low) == 1 for t in own):
            return 0.0
        if (
            all(t.upper and len(t.low) < 6 for t in own)
            and not self._is_loud()
            and (len(own) == 1 or not all(self._named(t.low) for t in own))
            and not self._led_in(run)
        ):
            return 0.0
        given = [t.low in self.lex.given for t in own]
        family = [t.low in self.lex.family or t.low in self.lex.rare for t in own]
        fresh = [not t.common for t in own]
        led = cued(lead) or self._relation(run)
        if led and any(f or g for f, g in zip(fresh, given, strict=True)):
            return 0.93
        if len(own) > 1:
            return self._sure_of_many(own, given, family, fresh)
        return self._sure_of_one(run, own[0], given=given[0], family=family[0])

    def _sure_of_many(
        self, own: list[Token], given: list[bool], family: list[bool], fresh: list[bool]
    ) -> float:
        if given[0] and (any(fresh) or family[-1]):
            return 0.93 if any(fresh) else 0.72
        if any(g and f for g, f in zip(given, fresh, strict=True)):
            return 0.85
        if sum(map(lambda a, b: a and b, family, fresh)):
            return 0.78
        if sum(self._unknown(t) for t in own) and own[0].proper:
            return 0.66 if self.lang == "en" and not self.blind else 0.3
        return 0.0

    def _sure_of_one(self, run: Run, token: Token, *, given: bool, family: bool) -> float:
        if not token.proper:
            return 0.7 if given else 0.35
        after = self.tokens[run.j : run.j + 1]
        if token.low in _NUMBERED and any(t.number or t.low in _NUMBER_SIGNS for t in after):
            return 0.0
        if len(token.low) < 3 or (token.low in _UNITS and self._counted(run.i)):
            return 0.0
        if token.low in NEVER_NAMES:
            return 0.0
        if not token.common:
            return self._sure_of_uncommon(run, token, given=given, family=family)
        if self._acts(run.i) and (given or family) and not of_nobody(self.tokens, run.i):
            return 0.72
        if token.first or token.low in MONTH_NAMES or self._in_heading(run.i):
            return 0.0
        if given and self._describes(run.j):
            return 0.3
        return 0.7 if given else 0.5 if token.low in self.lex.family else 0.0

    def _sure_of_uncommon(self, run: Run, token: Token, *, given: bool, family: bool) -> float:
        if given:
            return 0.0 if token.low in MONTH_NAMES and self._describes(run.j) else 0.87
        if family:
            return 0.78 if token.low in self.lex.family else 0.7
        if self._acts(run.i):
            thing = self.lang == "en" and token.first and self.tokens[run.j].low in _OF_THINGS
            return 0.3 if thing else 0.75  # "Aristada started": the tagger tells
        if self.lang == "es" or self.blind:
            return 0.3  # far more often a drug or an abbreviation than a name
        if token.upper and not self._is_loud():
            return 0.3  # an abbreviation, unless the tagger takes it for a name
        return 0.5 if token.first else 0.66

    def _counted(self, i: int) -> bool:
        """Tell whether a number stands before the word: "15 MIN OBS"."""
        return i > 0 and self.tokens[i - 1].number

    def _in_heading(self, i: int) -> bool:
        """Tell whether ordinary words with capitals stand before: "Trastorno Depresivo Mayor"."""
        before = self.tokens[i - 1] if i else None
        return before is not None and before.word and before.proper and before.common

    def _describes(self, j: int) -> bool:
        """Tell whether an ordinary noun follows: "the Rose garden"."""
        after = self.tokens[j] if j < len(self.tokens) else None
        if after is None or not after.word or after.proper:
            return False
        return after.common and after.low not in _NO_NOUNS

    def _span(self, i: int, j: int, kind: Kind, sure: float, source: str) -> Span:
        return Span(self.tokens[i].start, self.tokens[j - 1].end, kind, sure, f"names:{source}")


def echoes(
    spans: list[Span],
    tokens: list[Token],
    protected: list[tuple[int, int]],
    given: frozenset[str],
    *,
    small: bool,
) -> list[Span]:
    """Return further places of names that are sure elsewhere; `small`: capitals say nothing."""
    people = [s for s in spans if s.kind is Kind.PERSON]
    sure = [s for s in people if s.confidence >= 0.9]
    places = {(s.start, s.end) for s in sure}
    strong = _strong(sure, tokens)
    kept = Places(protected)
    out = []
    for k, token in enumerate(tokens):
        if token.low in strong and token.word and (token.start, token.end) not in places:
            if token.low in _NO_ECHO or kept.meets(token.start, token.start + 1):
                continue
            opens = token.common and token.first and token.low not in given
            blind = small and token.low in given
            if token.first and token.low == "will" and _lone_verb(tokens, token):
                continue
            if measured(tokens, k) or (small and token.common and used_plainly(tokens, k)):
                continue
            if (token.proper and not opens) or not token.common or blind:
                out.append(Span(token.start, token.end, Kind.PERSON, 0.9, "names:echo"))
    return out


def _lone_verb(tokens: list[Token], token: Token) -> bool:
    """Tell whether "Will" opens a sentence and a verb follows: "Will try an activation plan"."""
    k = bisect_left([t.start for t in tokens], token.start) + 1
    return k < len(tokens) and not tokens[k].proper and tokens[k].low in _AFTER_WILL


def _strong(spans: list[Span], tokens: list[Token]) -> set[str]:
    """Return the words of sure names."""
    starts = [t.start for t in tokens]
    strong: set[str] = set()
    for span in spans:
        for token in tokens[bisect_left(starts, span.start) : bisect_left(starts, span.end)]:
            if token.word and token.end <= span.end and len(token.low) > 2:
                strong.add(token.low)
    return strong - PARTICLES
