"""Whether medicine lays claim to a run, and which of its words are ordinary ones."""

# ruff: noqa: PLR0911, RUF001 - one question after the other, each with its answer

from typing import Final

from euthymia.gateway.deid.clinical import (
    FAMILY_NOUNS,
    RESULTS,
    STRONG_NOUNS,
    TOWNS,
    bare_eponym,
    clinical_noun,
    eponym,
    medical,
)
from euthymia.gateway.deid.cues import DOSE, DRUG_CUE, ILLNESS_CUE, SCORE, cued
from euthymia.gateway.deid.plainly import ABSTRACT
from euthymia.gateway.deid.runs import Run, Runs
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    HOSPITAL_WORDS,
    NEVER_NAMES,
    ORG_TAILS,
    ORG_WORDS,
    PARTICLES,
    PEOPLES,
    RELATIONS,
    SAYS,
    SHORT_NAMES,
    STREET_AFTER,
)

_THINGS: Final = ABSTRACT - {"mark"}


class Claims(Runs):
    """Runs told apart into medicine, ordinary words and what is left."""

    def _acts(self, k: int) -> bool:
        """Tell whether a person's verb comes after the word: a name opens the sentence."""
        after = self.tokens[k + 1 : k + 3]
        if not after:
            return False
        if self.tokens[k].low in NEVER_NAMES:
            return False
        if after[0].low in SAYS:
            return True
        if self.lang == "en" and after[0].low.endswith("ed") and len(after[0].low) > 4:
            own = self.tokens[k].low  # "Mark marked his on the board"; not "Faith renewed"
            return own in self.lex.given and own not in _THINGS and not after[0].proper
        if after[0].text == ":" and self.lang == "en":
            opens = k == 0 or self.tokens[k - 1].text == "\n"
            return opens and self.tokens[k].low in self.lex.given
        return after[0].text in {"'", "’"} and self.tokens[k].low in self.lex.given

    def _has_noun(self, i: int, j: int) -> bool:
        return any(clinical_noun(t.low) for t in self.tokens[i:j] if t.word)

    def _medicine(self, run: Run) -> bool:
        """Tell whether the run is a scale, disease, sign, drug or microbe and not a person."""
        if self.text[self.tokens[run.j - 1].end :][:1] in {"®", "™"}:
            return True
        if self._hospital(run.i, run.j):
            return self.tokens[run.i + 1].low == "anxiety" if run.j - run.i > 1 else False
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        if not own:
            return True
        if own[-1].low in ORG_TAILS and len(own) > 1:
            return False
        if all(
            t.common and not self._named(t.low) and t.low not in self.lex.places for t in own
        ) and not self._institution(run.i, run.j):
            # "Albanian" is an ordinary word; what "Indian Lane" is the tagger tells
            return len(own) == 1 or not any(t.low in PEOPLES for t in own)
        if all(medical(t.low) for t in own):
            return True
        if self._eponymous(run, own):
            return True
        given = any(t.low in self.lex.given and not eponym(t.low) for t in own[:1])
        known = any(eponym(t.low) for t in own)
        if (
            len(own) == 1
            and (own[0].low not in self.lex.given or bare_eponym(own[0].low))
            and self._measured(run, known=known)
        ):
            return True
        if len(own) == 1 and not given and self._among_eponyms(run):
            return True
        if (known or not (given or own[-1].low in self.lex.family)) and self._claimed(
            run, known=known
        ):
            return True
        if any(eponym(t.low) for t in own) and not given:
            return (
                len(own) == 1
                and bare_eponym(own[0].low)
                and (own[0].low not in TOWNS or self._scored(run.j))
                and not self._acts(run.i)
                and not self._led_in(run)
                and not self._enumerated(run)
            )
        return False

    def _among_eponyms(self, run: Run) -> bool:
        """Tell whether a result follows, after another sign: "Romberg negative, X absent"."""
        after = self.tokens[run.j : run.j + 2]
        if not after or after[0].low not in RESULTS or (len(after) > 1 and after[1].word):
            return False
        near = self.tokens[max(0, run.i - 8) : run.i]
        return any(t.proper and eponym(t.low) for t in near)

    def _claimed(self, run: Run, *, known: bool) -> bool:
        """Tell whether a clinical noun stands after or before the run."""
        tokens = self.tokens
        if self._has_noun(run.i + 1, run.j) and not self._hospital(run.i, run.j):
            return True
        reach = 6 if known else 3
        k, seen = run.j, 0
        while k < len(tokens) and seen < reach:
            token = tokens[k]
            if token.text in {"\n", ".", ",", ";", ":", "("}:
                break
            if token.word and (clinical_noun(token.low) or (known and token.low in RESULTS)):
                return True
            if token.word and not self._inside_claim(token, known=known):
                break
            seen += 1
            k += 1
        return self._noun_before(run, known=known)

    def _eponymous(self, run: Run, own: list[Token]) -> bool:
        """Tell whether a noun that eponyms go with stands beside: "X scale", "signo de X".

        Unless the run is led in as a person, whatever the lists say of its words; of a given name
        only the nouns that are nearly never used of a person's own.
        """
        if self._led_in(run):
            return False
        given = own[0].low in self.lex.given and not bare_eponym(own[0].low)
        nouns = STRONG_NOUNS if given else FAMILY_NOUNS
        if len(own) == 1 and "-" in own[0].low and eponym(own[0].low):
            return True
        if len(own) > 1 and own[-1].low in nouns:
            return True
        if self._numbered_scale(run, own):
            return True
        if len(own) == 1 and eponym(own[0].low) and not self._named(own[0].low):
            return not self._acts(run.i) and own[0].low not in self.lex.places
        return len(own) == 1 and (
            self._noun_follows(run.j, nouns) or self._noun_leads(run.i, nouns)
        )

    def _numbered_scale(self, run: Run, own: list[Token]) -> bool:
        """Tell whether an eponym, an abbreviation and a number stand here: "Lawton IADL 7"."""
        return (
            len(own) > 1
            and eponym(own[0].low)
            and all(t.upper or len(t.text) == 1 for t in own[1:])
            and not (self.blind and any(self._named(t.low) for t in own[1:]))
            and self._scored(run.j)
        )

    def _noun_follows(self, j: int, nouns: frozenset[str]) -> bool:
        """Tell whether "scale", or "and Other scale", comes at token `j`."""
        tokens = self.tokens[j : j + 4]
        if not tokens:
            return False
        if tokens[0].low in {"'", "’"} and len(tokens) > 2 and tokens[1].low == "s":
            return tokens[2].low in STRONG_NOUNS
        if tokens[0].low in {"and", "y", "e", "-", "/", "&"} and len(tokens) > 2:
            return tokens[1].word and not tokens[1].common and tokens[2].low in nouns
        return tokens[0].low in nouns

    def _noun_leads(self, i: int, nouns: frozenset[str]) -> bool:
        """Tell whether "escala de", or "escala de Otra y", comes before token `i`."""
        before = self.tokens[max(0, i - 4) : i]
        if len(before) > 3 and before[-1].low in {"y", "e", "-", "/"} and before[-3].low == "de":
            return before[-4].low in nouns and not before[-2].common
        return (
            self.lang == "es"
            and len(before) > 1
            and before[-1].low == "de"
            and before[-2].low in nouns
        )

    def _measured(self, run: Run, *, known: bool) -> bool:
        """Tell whether a dose or a score stands after one word: a drug or a scale."""
        end = self.tokens[run.j - 1].end
        if DOSE.match(self.low, end):
            return True
        start = self.tokens[run.i].start
        lead = self.low[max(0, start - 30) : start]
        listed = (
            self.tokens[run.i].low in self.lex.family or self.tokens[run.i].low in self.lex.places
        )
        if not listed and DRUG_CUE.search(lead):
            return True
        if not (known or ILLNESS_CUE.search(lead)):
            return False
        return SCORE.match(self.low, end) is not None and not self._led_in(run)

    def _scored(self, j: int) -> bool:
        """Tell whether a number follows: "Glasgow 15"."""
        return any(t.number for t in self.tokens[j : j + 3])

    def _inside_claim(self, token: Token, *, known: bool) -> bool:
        """Tell whether a word may stand between an eponym and its noun: "Beck and Zung scales"."""
        if token.low in SAYS:
            return False
        if token.low in {"and", "y", "e", "s"}:
            return known
        return token.low not in NEVER_NAMES and (token.proper or known)

    def _noun_before(self, run: Run, *, known: bool) -> bool:
        k, steps = run.i - 1, 0
        while k >= 0 and steps < (6 if known else 3):
            token = self.tokens[k]
            if clinical_noun(token.low):
                between = self.tokens[k + 1 : run.i]
                linked = known or (self.lang == "es" and bool(between) and between[-1].low == "de")
                return bool(between) and all(
                    t.low in PARTICLES
                    or t.text in {"-", "/", ",", '"', "«", "("}
                    or eponym(t.low)
                    or (t.common and linked)
                    for t in between
                )
            if token.text in {"\n", ".", ";", ":"}:
                return False
            k -= 1
            steps += 1
        return False

    def _led_in(self, run: Run) -> bool:
        start = self.tokens[run.i].start
        led = self._leads.get(start)
        if led is None:  # asked up to five times for one run
            lead = self.low[max(0, start - 42) : start]
            led = cued(lead) and not lead.endswith((" by ", " under "))
            self._leads[start] = led
        return led or self._relation(run)

    def _relation(self, run: Run) -> bool:
        k = run.i - 1
        while (
            k >= 0
            and run.i - k <= 3
            and self.tokens[k].text in {",", "(", ":", "-", '"', "'", "s", "’"}
        ):
            k -= 1
        if k > 0 and self.lang == "es" and self.tokens[k].low == "de":
            k -= 1  # "la mamá de Ana"
        return k >= 0 and self.tokens[k].low in RELATIONS

    def _enumerated(self, run: Run) -> bool:
        """Tell whether other names stand beside this one: "Monjeau, Graves and Reed"."""
        tokens = self.tokens
        for step, comma in ((-1, run.i - 1), (1, run.j)):
            if 0 <= comma < len(tokens) and tokens[comma].low in {",", "and", "y"}:
                other = comma + step
                if (
                    0 <= other < len(tokens)
                    and tokens[other].proper
                    and not tokens[other].common
                    and not eponym(tokens[other].low)
                    and len(tokens[other].low) > 2
                ):
                    return True
        return False

    def _whole_place(self, run: Run) -> bool:
        """Tell whether the run, articles and all, is a place of several words: La Coruña."""
        own = [t.low for t in self.tokens[run.i : run.j] if t.word]
        return len(own) > 1 and (
            " ".join(own) in self.lex.places or " ".join(own) in self.lex.countries
        )

    def _trim(self, run: Run) -> None:
        """Take ordinary words off the ends: the first word of a sentence, a verb, a heading."""
        while run.i < run.j and self._ordinary(run.i, run):
            run.i += 1
            run.titled = False
        while run.j > run.i and self._tail_off(run.j - 1, run):
            run.j -= 1

    def _abbreviation(self, k: int, run: Run) -> bool:
        """Tell whether capitals that are no name end a run: "Amal F EUPD", "Bogdan TOC"."""
        token, before = self.tokens[k], self.tokens[k - 1]
        if not before.word or not any(t.text[1:].islower() for t in self.tokens[run.i : k]):
            return False
        if len(token.text) == 1:
            after = self.tokens[k + 1 : k + 2]
            return token.text in "FMHV" and bool(after) and after[0].text != "."
        return (
            token.upper
            and len(token.text) < 6
            and not self._named(token.low)
            and not self._institution(run.i, run.j)
        )

    def _ordinary(self, k: int, run: Run) -> bool:
        token = self.tokens[k]
        if run.titled and k == run.i:
            return False
        if self._is_initial(k, run):
            return False
        if (len(token.low) < 3 and token.common) or token.low in NEVER_NAMES:
            return True
        if self.tokens[run.j - 1].low in ORG_TAILS and run.j - k > 1 and not token.first:
            return False
        if token.low in PARTICLES and k == run.i:
            return not token.proper or (token.common and token.first and run.j - k < 2)
        if not token.common or token.low in HOSPITAL_WORDS or token.low in ORG_WORDS:
            return False
        if token.start > self.sign_off and token.low in self.lex.places:
            return False
        if (
            self._named(token.low)
            or token.low in self.lex.places
            or token.low in self.lex.place_starts
        ):
            rest = run.j - k > 1
            if token.first and not rest:
                return not self._acts(k)
            return token.first and rest and not self._name_like(token.low)
        return token.low not in {"centro", "complejo", "consorcio"}

    def _is_initial(self, k: int, run: Run) -> bool:
        """Tell whether a letter with a dot, or an A inside a sentence, stands before a name."""
        token = self.tokens[k]
        if len(token.text) != 1 or not token.text.isupper() or k + 1 >= run.j:
            return False
        if self.tokens[k + 1].text == ".":
            return self._named(self.tokens[run.j - 1].low) or not self.tokens[run.j - 1].common
        return (
            self.lang == "en"
            and not self.blind
            and not token.first
            and token.text != "I"
            and (self._named(self.tokens[k + 1].low) and not self.tokens[k + 1].common)
        )

    def _name_like(self, low: str) -> bool:
        return (
            low in self.lex.given
            or low in self.lex.family
            or low in self.lex.place_starts
            or low in self.lex.places
        )

    def _tail_off(self, k: int, run: Run) -> bool:
        token = self.tokens[k]
        if k > run.i and not self.blind and self._abbreviation(k, run):
            return True
        if token.text in {".", "-", "&"}:
            return True
        if token.word and token.low in PARTICLES and not token.proper:
            return True
        if k > run.i and not self.blind and token.low in SHORT_NAMES and token.text[1:].islower():
            return False
        if (run.titled and k == run.i) or (k > run.i and self.tokens[k - 1].low in PARTICLES):
            return False
        plain = token.common and not self._named(token.low) and token.low not in self.lex.places
        return (
            plain
            and not self._institution(run.i, run.j)
            and not self._has_noun(run.i, run.j)
            and token.low not in STREET_AFTER
        )
