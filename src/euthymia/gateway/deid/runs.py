"""Words with a capital that stand together: where such a run begins and ends."""

# ruff: noqa: PLR0911 - one question after the other, each with its answer

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from euthymia.gateway.deid.clinical import eponym, medical, substance
from euthymia.gateway.deid.contract import Lang
from euthymia.gateway.deid.cues import NAME_CUE, sign_off
from euthymia.gateway.deid.lexicon import lexicon
from euthymia.gateway.deid.lexicon.by_hand import words
from euthymia.gateway.deid.tokens import Token, caseless
from euthymia.gateway.deid.vocabulary import (
    HOSPITAL_WORDS,
    LABEL_WORDS,
    MONTHS,
    NEVER_NAMES,
    ORG_TAILS,
    ORG_WORDS,
    PARTICLES,
    RELATIONS,
    SAYS,
    STRONG_TITLES,
    TITLES,
    WEEKDAYS,
)

_HEADS: Final = words("org_heads") | {"cesfam", "cosam"}
_FORMS: Final = frozenset({"MS", "MR", "MRS", "DR", "SR"})
"""Titles whose capitals, without a stop, stand for a form of a drug or a kind of scan as well."""
_FORMED: Final = words("formed")
_THE: Final = frozenset({"el", "la", "del", "al"})
_SMALL_WORDS: Final = PARTICLES | NEVER_NAMES
_MODALS: Final = frozenset({"will", "must", "soon"})
_VERBS: Final = words("verbs_too")
_OBJECTS: Final = words("objects")
_LONGEST: Final = 40
"""Tokens of a run; no name has more, and what is asked of a run may cost its square."""


@dataclass(slots=True)
class Run:
    """Tokens [i, j) that may be one name; `titled` if a title stands before."""

    i: int
    j: int
    titled: bool = False


@lru_cache(maxsize=32768)
def _in_names(low: str, lang: Lang) -> bool:
    """Tell whether a word, or each of its parts, is a given or a family name."""
    lex = lexicon(lang)
    return all(
        part in lex.given or part in lex.family or part in lex.rare for part in (low.split("-"))
    )


@lru_cache(maxsize=32768)
def _nameless(low: str, lang: Lang) -> bool:
    """Tell whether no name begins with this word, unless by its capital."""
    return low not in HOSPITAL_WORDS and not _in_names(low, lang)


class Runs:
    """The runs of one text, and what the lists say about their words."""

    def __init__(
        self, text: str, low: str, tokens: list[Token], lang: Lang, labelled: set[int]
    ) -> None:
        self.lang = lang
        self.text = text
        self.low = low
        self.tokens = tokens
        self.lex = lexicon(lang)
        self.labelled = labelled
        self.protected: list[tuple[int, int]] = []
        self._leads: dict[int, bool] = {}
        self.sign_off = sign_off(low)
        self.blind = caseless(text)
        if self.blind:
            self._dress()

    def _dress(self) -> None:
        """Where capitals say nothing: names count as such beside another name or a cue."""
        for i, token in enumerate(self.tokens):
            if (
                not token.word
                or not token.common
                or token.low in NEVER_NAMES
                or token.low in MONTHS
            ):
                continue
            if self._named(token.low) and (
                self._after_title(i)
                or self._cued(i)
                or (token.low not in SAYS and not self._verb(i) and self._by_name(i))
                or self._speaks(i)
            ):
                token.proper = True

    def _verb(self, i: int) -> bool:
        """Tell whether a verb that is a name too has its object after it: "mr young counts the"."""
        token, after = self.tokens[i], self.tokens[i + 1 : i + 2]
        return token.low in _MODALS or (
            token.low in _VERBS and bool(after) and after[0].low in _OBJECTS
        )

    def _speaks(self, i: int) -> bool:
        """Tell whether a given name opens a sentence and does what people do."""
        token = self.tokens[i]
        after = self.tokens[i + 1 : i + 2]
        return token.first and token.low in self.lex.given and bool(after) and after[0].low in SAYS

    def _cued(self, i: int) -> bool:
        start = self.tokens[i].start
        if NAME_CUE.search(self.low, max(0, start - 42), start) is not None:
            return True
        k = i - 1
        while k >= 0 and i - k <= 3 and self.tokens[k].text in {",", "(", ":", "-"}:
            k -= 1
        return k >= 0 and self.tokens[k].low in RELATIONS

    def _by_name(self, i: int) -> bool:
        """Tell whether a name that is no ordinary word stands right beside."""
        token = self.tokens[i]
        before = self.tokens[i - 1] if i else None
        after = self.tokens[i + 1] if i + 1 < len(self.tokens) else None
        if before is not None and before.low == token.low:
            return False  # "mr will will attend"
        if before is not None and before.proper and self._named(before.low):
            return before.low in self.lex.given or before.start in self.labelled
        return (
            after is not None
            and after.proper
            and self._named(after.low)
            and token.low in self.lex.given
        )

    def _runs(self) -> Iterator[Run]:
        tokens, i, n = self.tokens, 0, len(self.tokens)
        while i < n:
            token = tokens[i]
            if not token.word or self._opens_none(token) or not self._may_open(i):
                i += 1
                continue
            titled = self._after_title(i)
            j = self._run_end(i)
            yield Run(i, j, titled)
            i = max(j, i + 1)

    def _opens_none(self, token: Token) -> bool:
        """Tell at once that no name begins here, as at most words."""
        return (
            token.common
            and not token.proper
            and token.start not in self.labelled
            and _nameless(token.low, self.lang)
        )

    def _may_open(self, i: int) -> bool:
        token = self.tokens[i]
        if token.low in TITLES and self._is_title(i):
            return False
        if token.text == "N" and self.tokens[i + 1 : i + 2] and self.tokens[i + 1].text == "º":
            return False
        if token.low in LABEL_WORDS or "º" in token.text:
            return False
        if (
            token.low in {"ward", "bill", "page"}
            and self.tokens[i + 1 : i + 2]
            and self.tokens[i + 1].text == ":"
        ):
            return False
        if (
            self.blind
            and self.tokens[i + 1 : i + 2]
            and self.tokens[i + 1].text == ":"
            and not self._after_title(i)
        ):
            return False
        if token.proper or token.start in self.labelled:
            return True
        if token.low in self.lex.given and self._patient(i):
            return True
        if token.low in _SMALL_WORDS and len(token.low) < 4 and not token.proper:
            return False
        if self._after_title(i) and self._named(token.low):
            timed = i > 1 and self.tokens[i - 2].number  # "120 ms long"
            return not timed or token.low not in NEVER_NAMES
        if token.low in HOSPITAL_WORDS:
            return i + 1 < len(self.tokens) and self.tokens[i + 1].proper
        if not self.blind and (token.low in self.lex.seldom or not self._usual(token.low)):
            return False
        return not token.common and self._named(token.low) and len(token.low) > 3

    def _patient(self, i: int) -> bool:
        """Tell whether "paciente" stands before and a comma after: "paciente rosa, ..."."""
        before, after = self.tokens[i - 1 : i], self.tokens[i + 1 : i + 2]
        return (
            bool(before and after)
            and before[0].low in {"paciente", "patient", "pt"}
            and after[0].text == ","
        )

    def _is_title(self, i: int) -> bool:
        """Tell whether the title at `i` is used as one: a name comes after it."""
        token = self.tokens[i]
        j = i + 1
        while j < len(self.tokens) and self.tokens[j].text in {".", ":", "/", "ª"}:
            j += 1
        if j < len(self.tokens) and self.tokens[j].text == "[":
            return True  # a name that is out already
        if j >= len(self.tokens) or not self.tokens[j].word:
            return False
        following = self.tokens[j]
        if token.low == "d" and (
            self.tokens[i + 1].text not in {".", "ª"} or len(following.low) < 2
        ):
            return False
        if token.low in {"da", "don"} and not following.proper:
            return False
        if self._is_no_title(i, j):
            return False
        if token.low in STRONG_TITLES:
            return following.proper or not following.common or self._named(following.low)
        return following.proper and (not following.common or self._named(following.low))

    def _is_no_title(self, i: int, j: int) -> bool:
        """Tell whether what looks like a title before word `j` is a form, a scan or a verb.

        "Bupropion SR Tablets", "MR Angiography"; "Don PPE". A surname that is an ordinary word
        stays one: "MR Baker", "MR Right".
        """
        token, after = self.tokens[i], self.tokens[j]
        if self.blind or self._named(after.low):
            return False
        if token.text in _FORMS and j == i + 1:
            return after.low in _FORMED or (i > 0 and substance(self.tokens[i - 1].low))
        return token.low == "don" and self.lang == "en" and after.upper

    def _after_title(self, i: int) -> bool:
        j = i - 1
        while j >= 0 and i - j <= 3 and self.tokens[j].text in {".", ":", "/", "ª", "a"}:
            j -= 1
        if j < 0 or self.tokens[j].low not in TITLES:
            return False
        # after a title that is a whole word a full stop ends the sentence: "Sí señora. Mi mujer"
        whole = self.tokens[j].low in self.lex.words and len(self.tokens[j].low) > 3
        stopped = whole and self.tokens[j + 1].text == "." and self.tokens[i].common
        if stopped and self.lang == "es" and j and self.tokens[i].proper:  # "El doctor. León vino"
            stopped = self.tokens[j - 1].low not in _THE or not self._named(self.tokens[i].low)
        return not stopped and self._is_title(j)

    def _run_end(self, i: int) -> int:
        """Return the end of the run of names that begins at `i`."""
        tokens, j = self.tokens, i + 1
        n = min(len(tokens), i + _LONGEST)
        while j < n:
            left, token = tokens[j - 1], tokens[j]
            blank = self.text[left.end : token.start]
            if token.word and blank in {" ", "", "  ", "\u00a0"}:
                if blank == "  " and token.common and not self._named(token.low):
                    break
                if self._continues(i, j):
                    j += 1
                    continue
                ahead = self._over_particles(i, j)
                if ahead:
                    j = ahead
                    continue
            elif token.text == "." and self._initial(j - 1) and j + 1 < n and tokens[j + 1].proper:
                j += 1
                continue
            elif (
                token.text in {"-", "&"}
                and not left.upper
                and j + 1 < n
                and tokens[j + 1].word
                and tokens[j + 1].proper
                and len(blank) < 2
            ):
                j += 2
                continue
            elif token.text in "\"'“" and self._quoted(i, j):
                j = self._quoted(i, j)
                continue
            elif token.number and self._dated_name(i, j):
                j += 1
                continue
            break
        return j

    def _continues(self, i: int, j: int) -> bool:
        token, first = self.tokens[j], self.tokens[i]
        if self.blind and token.common and (token.low in SAYS or token.low == first.low):
            return False  # "ms grace said grace", "mr will will attend"
        if self.blind and self._verb(j):
            return False
        if (
            token.low in LABEL_WORDS and token.proper and not self._named(token.low)
        ) or "º" in token.text:
            return False
        if token.text == "N" and j + 1 < len(self.tokens) and self.tokens[j + 1].text == "º":
            return False
        if j - i > 1 and token.upper and set(token.text) <= set("IVX"):
            return True
        if token.low == "d" and self.tokens[j - 1].proper:
            return True
        if token.low in TITLES and self._hospital(i, j):
            return token.proper
        if token.low in TITLES and self._is_title(j):
            return False
        if token.low in WEEKDAYS and token.low in NEVER_NAMES:
            return False
        if token.proper and self.tokens[j - 1].low not in WEEKDAYS:
            return self._named(token.low) or token.low not in MONTHS.keys() | WEEKDAYS
        return not first.proper and not token.common and self._named(token.low)

    def _over_particles(self, i: int, j: int) -> int:
        """Return the place after `de la X` where a proper word ends the particles, else 0."""
        k = j
        while (
            k < len(self.tokens)
            and k - j < 3
            and self.tokens[k].low in PARTICLES
            and not self.tokens[k].proper
        ):
            k += 1
        if k == j or k >= len(self.tokens):
            return 0
        token = self.tokens[k]
        joined = self.tokens[k].start - self.tokens[k - 1].end <= 1
        if self.blind and eponym(token.low) and not self._listed(i):
            return 0  # "test gestáltico de bender"
        if token.number:
            return k + 1 if joined and self._hospital(i, j) else 0
        if token.low in TITLES and self._is_title(k):
            return 0  # "la enfermera Yesi y el Dr. Paredes"
        lone = self.tokens[j].low
        if lone in {"i", "a", "e", "y", "al", "da", "le", "st", "af"} and k - j == 1:
            if lone == "y" and not self._institution(i, j):
                return 0
            if (
                lone in {"i", "a", "e", "al", "le"}
                and not (self._listed(i) and self._listed(k))
                and not self._institution(i, j)
            ):
                return 0
        if token.upper and token.low in _HEADS and self.tokens[i].low in self.lex.given:
            return 0  # "soy Maialen de COSAM ..."
        return k + 1 if joined and token.proper else 0

    def _quoted(self, i: int, j: int) -> int:
        """Return the place after a quoted part of an institution's name, else 0."""
        if not self._institution(i, j):
            return 0
        if not (j + 1 < len(self.tokens) and self.tokens[j + 1].proper):
            return 0
        for k in range(j + 1, min(j + 7, len(self.tokens))):
            if self.tokens[k].text in "\"'”":
                return k + 1
        return 0

    def _dated_name(self, i: int, j: int) -> bool:
        return self._hospital(i, j) and len(self.tokens[j].text) < 3

    def _initial(self, i: int) -> bool:
        token = self.tokens[i]
        return (
            token.word
            and token.proper
            and (len(token.text) <= 2 or token.low in {"hnos", "sto", "sta", "fco", "univ"})
        )

    def _named(self, low: str) -> bool:
        return _in_names(low, self.lang)

    def _usual(self, low: str) -> bool:
        """Tell whether this is a name that many have: without a capital only such a one counts."""
        return low in self.lex.given or low in self.lex.family

    def _listed(self, i: int) -> bool:
        return self._named(self.tokens[i].low)

    def _unknown(self, token: Token) -> bool:
        return token.word and not token.common and len(token.low) > 2 and not medical(token.low)

    def _hospital(self, i: int, j: int) -> bool:
        return any(
            t.low in HOSPITAL_WORDS or t.low in {"hospitalario", "hu", "sanitario"}
            for t in self.tokens[i:j]
        )

    def _institution(self, i: int, j: int) -> bool:
        return self._hospital(i, j) or any(
            t.low in ORG_WORDS or t.low in ORG_TAILS or t.low in {"centro", "complejo", "consorcio"}
            for t in self.tokens[i:j]
        )

    def _is_loud(self) -> bool:
        return self.blind

    def _is_labelled(self, run: Run) -> bool:
        start = self.tokens[run.i].start
        return any(start - step in self.labelled for step in range(3))
