"""Names of people, places and institutions, told by lists, capitals and the words beside them.

Words with a capital that stand together form a run. A run is judged by what leads it in (a title, a
relation, a label), by the lists, and by whether medicine lays claim to it (a scale, a disease).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from euthymia.gateway.deid.clinical import BARE, EPONYMS, MONTH_NAMES, clinical_noun, medical
from euthymia.gateway.deid.contract import Kind, Lang, Span
from euthymia.gateway.deid.lexicon import lexicon
from euthymia.gateway.deid.tokens import Token
from euthymia.gateway.deid.vocabulary import (
    HOSPITAL_WORDS,
    MONTHS,
    NEVER_NAMES,
    ORG_TAILS,
    ORG_WORDS,
    PARTICLES,
    RELATIONS,
    SAYS,
    STREET_AFTER,
    STRONG_TITLES,
    TITLES,
    WEEKDAYS,
)

_NAME_CUE: Final = re.compile(
    r"(?:\bname(?:s|d)?(?: is|'s| was)?|\bcalled|\bknown as|\bllamad[oa]|\bse llama|\bi'm|\bi am|\bmy name is|\bthis is|"
    r"\bsigned(?: by)?|\bseen by|\bspoke (?:to|with)|\breferred (?:by|to)|\breviewed (?:by|with)|\bdiscussed with|\bunder the care of|"
    r"\bcare of|\bdear|\bsincerely|\bregards|\bthanks|\batendid[oa] por|\bvalorad[oa] por|\bremitid[oa] por|\bderivad[oa] por|\bfirmado|\bfdo|"
    r"\bassistant to|\blives with|\blive with|\bvive con|\bcasad[oa] con|\bmarried to|\bseeing|\bfollow up with|\bappointment with|\bpt|\bpatient|\bpaciente|"
    r"\bhello|\bhi|\bhey|\bhola|\bkid|\bunder|\bwritten by|\bby|\bcorrect it to|\bchange it to)[ ,:.(]{0,3}$"
)
_PLACE_CUE: Final = re.compile(
    r"(?:\bin|\bfrom|\bnear|\boutside|\bto|\bvisited|\bvisiting|\bborn in|\bgrew up in|\btown of|\bcity of|\bsouthern|\bnorthern|\beastern|\bwestern|"
    r"\ben|\bnatural de|\bprocedente de|\bnacid[oa] en|\boriginari[oa] de|\bresidente en|\bviaje a|\bciudad de|\bprovincia de|\bbarrio de|"
    r"\bpueblo de|\bmunicipio de|\blocalidad de)[ ]$"
)
_BORN_CUE: Final = re.compile(
    r"\b(?:born in|grew up in|raised in|liv(?:es|ed|ing) in|moved here from|moved to|town of|city of|nacid[oa] en|natural de|vive en|originari[oa] de|residente en|procedente de) $"
)
_ORG_CUE: Final = re.compile(
    r"(?:\bworks? (?:for|at|as \w{1,15} (?:for|at))|\bworked (?:for|at)|\bworking (?:for|at)|\bemployed (?:by|at)|\bjob at|\bstudies at|\bstudying at|"
    r"\bstudent at|\bteaches at|\bfrom work at|\bsick leave from|\bschool at|\battends|\btrabaja en|\btrabajaba en|\bempleado en|\bempleada en|"
    r"\bestudia en|\baddress of|\bthe|\bat|\bsupport)[ ]$"
)
_WORK_CUE: Final = re.compile(
    r"\b(?:works? (?:for|at)|worked (?:for|at)|working (?:for|at)|employed (?:by|at)|job (?:at|with)|studies at|studying at|student at|teaches at|"
    r"sick leave from|address of|trabaja (?:en|para)|trabajaba (?:en|para)|emplead[oa] (?:en|de)|estudia en) $"
)
_SIGN_OFF: Final = re.compile(
    r"(?:remitido por|responsable (?:clinico|medico)|correspondencia|remite|rsponsable medico)\s?:"
)


_LABEL_WORDS: Final = frozenset(
    "email e-mail nocol tfno telfs correos tel telefono fax correo tlf movil phone mail dob mrn nhc edad sexo cp col age sex id".split()
)
_NOT_NAMES: Final = frozenset(
    """
    servicio unidad departamento seccion especialidad edad sexo fecha domicilio calle avenida avda av plaza paseo
    presented seen reviewed attended reports came service department ward unit date age address tel phone email
    """.split()
)


@dataclass(slots=True)
class _Run:
    """Tokens [i, j) that may be one name."""

    i: int
    j: int
    titled: bool = False


def sign_off(low: str) -> int:
    """Return where the sender's block at the end of a letter begins; beyond the end if nowhere."""
    signs = [m.end() for m in _SIGN_OFF.finditer(low)]
    return signs[-1] if signs else len(low) + 1


class NameFinder:
    """Judges the runs of one text."""

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
        self.sign_off = sign_off(low)

    def spans(self) -> list[Span]:
        """Return what is found, in order; `protected` then holds what belongs to medicine."""
        out: list[Span] = []
        for run in self._runs():
            out += self._judge(run)
        return out

    # ---- runs -------------------------------------------------------------------------------

    def _runs(self) -> Iterator[_Run]:
        tokens, i, n = self.tokens, 0, len(self.tokens)
        while i < n:
            token = tokens[i]
            if not token.word or not self._may_open(i):
                i += 1
                continue
            titled = self._after_title(i)
            j = self._run_end(i)
            yield _Run(i, j, titled)
            i = max(j, i + 1)

    def _may_open(self, i: int) -> bool:
        token = self.tokens[i]
        if token.low in TITLES and self._is_title(i):
            return False
        if token.low in _LABEL_WORDS or "º" in token.text:
            return False
        if token.proper or token.start in self.labelled:
            return True
        if token.low in HOSPITAL_WORDS:
            return i + 1 < len(self.tokens) and self.tokens[i + 1].proper
        return not token.common and self._named(token.low) and len(token.low) > 3

    def _is_title(self, i: int) -> bool:
        """Tell whether the title at `i` is used as one: a name comes after it."""
        token = self.tokens[i]
        j = i + 1
        while j < len(self.tokens) and self.tokens[j].text in {".", ":", "/", "ª"}:
            j += 1
        if j >= len(self.tokens) or not self.tokens[j].word:
            return False
        following = self.tokens[j]
        if token.low == "d" and self.tokens[i + 1].text not in {".", "ª"}:
            return False
        if token.low in {"da", "don"} and not following.proper:
            return False
        if token.low in STRONG_TITLES:
            return following.proper or not following.common or self._named(following.low)
        return following.proper and (not following.common or self._named(following.low))

    def _after_title(self, i: int) -> bool:
        j = i - 1
        while j >= 0 and i - j <= 3 and self.tokens[j].text in {".", ":", "/", "ª", "a"}:
            j -= 1
        return j >= 0 and self.tokens[j].low in TITLES and self._is_title(j)

    def _run_end(self, i: int) -> int:
        """Return the end of the run of names that begins at `i`."""
        tokens, n, j = self.tokens, len(self.tokens), i + 1
        while j < n:
            left, token = tokens[j - 1], tokens[j]
            blank = self.text[left.end : token.start]
            if token.word and blank in {" ", "", "  ", "\u00a0"}:
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
            elif token.text in {"-", "&"} and j + 1 < n and tokens[j + 1].word and tokens[j + 1].proper and len(blank) < 2:
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
        if (token.low in _LABEL_WORDS and token.proper and not self._named(token.low)) or "º" in token.text:
            return False
        if token.text == "N" and j + 1 < len(self.tokens) and self.tokens[j + 1].text == "º":
            return False
        if token.low == "d" and self.tokens[j - 1].proper:
            return True
        if token.low in TITLES and self._hospital(i, j):
            return token.proper
        if token.low in TITLES and self._is_title(j):
            return False
        if token.proper and self.tokens[j - 1].low not in WEEKDAYS:
            return not (token.low in MONTHS and not self._named(token.low))
        return not first.proper and not token.common and self._named(token.low)

    def _over_particles(self, i: int, j: int) -> int:
        """Return the place after `de la X` where a proper word ends the particles, else 0."""
        k = j
        while k < len(self.tokens) and k - j < 3 and self.tokens[k].low in PARTICLES and not self.tokens[k].proper:
            k += 1
        if k == j or k >= len(self.tokens):
            return 0
        token = self.tokens[k]
        joined = self.tokens[k].start - self.tokens[k - 1].end <= 1
        if token.number:
            return k + 1 if joined and self._hospital(i, j) else 0
        lone = self.tokens[j].low
        if lone in {"i", "a", "e", "y", "al", "da", "le", "st", "af"} and k - j == 1:
            if lone == "y" and not self._institution(i, j):
                return 0
            if lone in {"i", "a", "e", "al", "le"} and not (self._listed(i) and self._listed(k)) and not self._institution(i, j):
                return 0
        return k + 1 if joined and token.proper else 0

    def _quoted(self, i: int, j: int) -> int:
        """Return the place after a quoted part of an institution's name, else 0."""
        if not self._institution(i, j):
            return 0
        for k in range(j + 1, min(j + 7, len(self.tokens))):
            if self.tokens[k].text in "\"'”":
                return k + 1
        return 0

    def _dated_name(self, i: int, j: int) -> bool:
        return self._hospital(i, j) and len(self.tokens[j].text) < 3

    def _initial(self, i: int) -> bool:
        token = self.tokens[i]
        return token.word and token.proper and (len(token.text) <= 2 or token.low in {"hnos", "sto", "sta", "fco", "univ"})

    # ---- what the lists say -----------------------------------------------------------------

    def _named(self, low: str) -> bool:
        if low in self.lex.given or low in self.lex.family or low in self.lex.rare:
            return True
        return "-" in low and all(p in self.lex.given or p in self.lex.family or p in self.lex.rare for p in low.split("-"))

    def _listed(self, i: int) -> bool:
        return self._named(self.tokens[i].low)

    def _unknown(self, token: Token) -> bool:
        return token.word and not token.common and len(token.low) > 2 and not medical(token.low)

    def _hospital(self, i: int, j: int) -> bool:
        return any(t.low in HOSPITAL_WORDS or t.low in {"hospitalario", "hu", "sanitario"} for t in self.tokens[i:j])

    def _institution(self, i: int, j: int) -> bool:
        return self._hospital(i, j) or any(t.low in ORG_WORDS or t.low in ORG_TAILS or t.low in {"centro", "complejo", "consorcio"} for t in self.tokens[i:j])

    # ---- judgement --------------------------------------------------------------------------

    def _judge(self, run: _Run) -> list[Span]:
        start = self.tokens[run.i].start
        if _WORK_CUE.search(self.low, max(0, start - 42), start) and self.tokens[run.i].proper and not medical(self.tokens[run.i].low):
            return [self._span(run.i, run.j, Kind.ORGANISATION, 0.8, "work")]
        labelled = self._is_labelled(run)
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

    def _place_inside(self, run: _Run) -> list[Span]:
        """Return a place of several words at the end of a run that says nothing else."""
        for i in range(run.i + 1, run.j):
            whole = " ".join(t.low for t in self.tokens[i : run.j])
            if whole in self.lex.countries or (whole in self.lex.places and self.tokens[i - 1].low in PARTICLES):
                return [self._span(i, run.j, Kind.LOCATION, 0.75, "place")]
        return []

    def _whole_place(self, run: _Run) -> bool:
        """Tell whether the run, articles and all, is a place of several words: La Coruña."""
        own = [t.low for t in self.tokens[run.i : run.j] if t.word]
        return len(own) > 1 and (" ".join(own) in self.lex.places or " ".join(own) in self.lex.countries)

    def _trim(self, run: _Run) -> None:
        """Take ordinary words off the ends: the first word of a sentence, a verb, a heading."""
        while run.i < run.j and self._ordinary(run.i, run):
            run.i += 1
            run.titled = False
        while run.j > run.i and self._tail_off(run.j - 1, run):
            run.j -= 1

    def _ordinary(self, k: int, run: _Run) -> bool:
        token = self.tokens[k]
        if run.titled and k == run.i:
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
        if self._named(token.low) or token.low in self.lex.places or token.low in self.lex.place_starts:
            rest = run.j - k > 1
            if token.first and not rest:
                return not self._acts(k)
            return token.first and rest and not self._name_like(token.low)
        return token.low not in {"centro", "complejo", "consorcio"}

    def _name_like(self, low: str) -> bool:
        return low in self.lex.given or low in self.lex.family or low in self.lex.place_starts or low in self.lex.places

    def _tail_off(self, k: int, run: _Run) -> bool:
        token = self.tokens[k]
        if token.text in {".", "-", "&"}:
            return True
        if token.word and token.low in PARTICLES and not token.proper:
            return True
        if (run.titled and k == run.i) or (k > run.i and self.tokens[k - 1].low in PARTICLES):
            return False
        plain = token.common and not self._named(token.low) and token.low not in self.lex.places
        return plain and not self._institution(run.i, run.j) and not self._has_noun(run.i, run.j) and token.low not in STREET_AFTER

    def _acts(self, k: int) -> bool:
        """Tell whether a person's verb comes after the word: a name opens the sentence."""
        after = self.tokens[k + 1 : k + 3]
        if not after:
            return False
        if self.tokens[k].low in NEVER_NAMES:
            return False
        if after[0].low in SAYS:
            return True
        if after[0].text == ":" and self.lang == "en":
            opens = k == 0 or self.tokens[k - 1].text == "\n"
            return opens and self.tokens[k].low in self.lex.given
        return after[0].text in {"'", "’"} and self.tokens[k].low in self.lex.given

    def _has_noun(self, i: int, j: int) -> bool:
        return any(clinical_noun(t.low) for t in self.tokens[i:j] if t.word)

    def _medicine(self, run: _Run) -> bool:
        """Tell whether the run is a scale, disease, sign, drug or microbe and not a person."""
        if self.text[self.tokens[run.j - 1].end :][:1] in {"®", "™"}:
            return True
        if self._hospital(run.i, run.j):
            return self.tokens[run.i + 1].low == "anxiety" if run.j - run.i > 1 else False
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        if all(t.common and not self._named(t.low) and t.low not in self.lex.places for t in own) and not self._institution(run.i, run.j):
            return True
        if all(medical(t.low) for t in own):
            return True
        given = any(t.low in self.lex.given and t.low not in EPONYMS for t in own[:1])
        if self._claimed(run, known=any(t.low in EPONYMS for t in own)):
            return True
        if any(t.low in EPONYMS for t in own) and not given:
            return len(own) == 1 and own[0].low in BARE and not self._acts(run.i) and not self._led_in(run) and not self._enumerated(run)
        return False

    def _claimed(self, run: _Run, *, known: bool) -> bool:
        """Tell whether a clinical noun stands after or before the run."""
        tokens = self.tokens
        if self._has_noun(run.i + 1, run.j) and not self._hospital(run.i, run.j):
            return True
        reach = 6 if known else 3
        k, seen = run.j, 0
        while k < len(tokens) and seen < reach:
            token = tokens[k]
            if token.text in {"\n", ".", ",", ";", ":", "("} :
                break
            if token.word and clinical_noun(token.low):
                return True
            if token.word and not token.proper and token.low not in {"and", "y", "e"} and not token.common and not known:
                break
            if token.word and token.low in SAYS | {"is", "was", "has", "had", "will", "with", "in", "on", "at", "to", "del", "en", "con", "que", "a", "por", "se"}:
                break
            seen += 1
            k += 1
        return self._noun_before(run, known=known)

    def _noun_before(self, run: _Run, *, known: bool) -> bool:
        k, steps = run.i - 1, 0
        while k >= 0 and steps < (6 if known else 3):
            token = self.tokens[k]
            if clinical_noun(token.low):
                between = self.tokens[k + 1 : run.i]
                linked = known or (self.lang == "es" and bool(between) and between[-1].low == "de")
                return bool(between) and all(
                    t.low in PARTICLES or t.text in {"-", "/", ",", '"', "«", "("} or t.low in EPONYMS or (t.common and linked)
                    for t in between
                )
            if token.text in {"\n", ".", ";", ":"}:
                return False
            k -= 1
            steps += 1
        return False

    def _led_in(self, run: _Run) -> bool:
        start = self.tokens[run.i].start
        lead = self.low[max(0, start - 42) : start]
        if _NAME_CUE.search(lead) is not None and not lead.endswith((" by ", " under ")):
            return True
        return self._relation(run)

    def _relation(self, run: _Run) -> bool:
        k = run.i - 1
        while k >= 0 and run.i - k <= 3 and self.tokens[k].text in {",", "(", ":", "-", "\"", "'", "s", "’"}:
            k -= 1
        return k >= 0 and self.tokens[k].low in RELATIONS

    def _enumerated(self, run: _Run) -> bool:
        """Tell whether other names stand beside this one: "Monjeau, Graves and Reed"."""
        tokens = self.tokens
        for step, comma in ((-1, run.i - 1), (1, run.j)):
            if 0 <= comma < len(tokens) and tokens[comma].low in {",", "and", "y"}:
                other = comma + step
                if 0 <= other < len(tokens) and tokens[other].proper and not tokens[other].common and tokens[other].low not in EPONYMS:
                    return True
        return False

    def _is_labelled(self, run: _Run) -> bool:
        start = self.tokens[run.i].start
        return any(start - step in self.labelled for step in range(3))

    def _person_run(self, run: _Run, sure: float, source: str) -> list[Span]:
        own = self.tokens[run.i : run.j]
        last = run.i
        for k, token in enumerate(own):
            if token.word and (token.low in HOSPITAL_WORDS or token.low in ORG_WORDS ) and k:
                break
            if k and (token.low in _NOT_NAMES or (k > 1 and medical(token.low) and not self._named(token.low))):
                break
            last = run.i + k
        if source == "label" and len(own) == 1 and own[0].common:
            if own[0].low in NEVER_NAMES or not self._named(own[0].low) and not self._field_ends(run.j):
                return []
        while last > run.i and (self.tokens[last].low in PARTICLES or not self.tokens[last].word) and not self.tokens[last].proper:
            last -= 1
        found = [self._span(run.i, last + 1, Kind.PERSON, sure, source)]
        if last + 1 < run.j:
            found += self._judge(_Run(last + 1, run.j))
        return found

    def _field_ends(self, j: int) -> bool:
        """Tell whether nothing but an end of line follows: the label's whole value stands before."""
        after = self.tokens[j : j + 2]
        return not after or after[0].text == "\n" or (after[0].text == "." and after[-1].text in {".", "\n"})

    def _signed(self, run: _Run, lead: str) -> list[Span]:
        """Judge a run in the sender's block at the end of a letter: nearly all there identifies."""
        own = self.tokens[run.i : run.j]
        if own[0].low in _NOT_NAMES or own[0].low == "s":
            return []
        if self._hospital(run.i, run.j) or self._institution(run.i, run.j):
            return self._institutional(run, lead)
        if own[0].start < self.sign_off + 6:
            return self._person_run(run, 0.97, "signature")
        whole = " ".join(t.low for t in own if t.word)
        if whole in self.lex.countries:
            return [self._span(run.i, run.j, Kind.COUNTRY, 0.95, "place")]
        if any(not t.common or self._named(t.low) or t.low in self.lex.places for t in own if t.word):
            return [self._span(run.i, run.j, Kind.LOCATION, 0.8, "signature")]
        return []

    def _institutional(self, run: _Run, lead: str) -> list[Span]:
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        head = next((n for n, t in enumerate(own) if t.low in HOSPITAL_WORDS or t.low in {"hospitalario"}), None)
        if head is not None and (len(own) > 1 or own[0].upper):
            return self._hospital_span(run)
        if len(own) > 2 and own[0].low == "centro" and own[1].low == "de":
            return [self._span(run.i, run.j, Kind.HOSPITAL, 0.85, "institution")]
        if len(own) > 1 and (own[-1].low in ORG_TAILS or own[0].low in ORG_WORDS or own[0].low in {"centro", "complejo", "consorcio"}):
            return [self._span(run.i, run.j, Kind.ORGANISATION, 0.85, "institution")]
        if _ORG_CUE.search(lead) and len(own) > 1 and own[-1].low in ORG_WORDS:
            return [self._span(run.i, run.j, Kind.ORGANISATION, 0.8, "institution")]
        return []

    def _hospital_span(self, run: _Run) -> list[Span]:
        own = self.tokens[run.i : run.j]
        stop = next((n for n, t in enumerate(own) if n and t.low in {"servicio", "unidad", "departamento", "seccion", "avda", "avenida", "calle", "plaza", "paseo", "ctra"}), len(own))
        head = next((n for n, t in enumerate(own) if t.low in HOSPITAL_WORDS or t.low in {"hospitalario", "complejo"}), 0)
        start = 0 if head <= 4 else head
        if own[start].low in {"servicio", "unidad", "departamento"}:
            start = head
        end = run.i + stop
        while end > run.i + start + 1 and not (self.tokens[end - 1].word or self.tokens[end - 1].number or self.tokens[end - 1].text in "\"'”"):
            end -= 1
        found = [self._span(run.i + start, end, Kind.HOSPITAL, 0.88, "hospital")]
        if start:
            found = self._judge(_Run(run.i, run.i + start)) + found
        if stop < len(own):
            found += self._judge(_Run(run.i + stop, run.j))
        return found

    def _geographic(self, run: _Run, lead: str) -> list[Span]:
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        whole = " ".join(t.low for t in own)
        cue = _PLACE_CUE.search(lead) is not None
        if whole in self.lex.countries or whole.removeprefix("the ") in self.lex.countries:
            return [self._span(run.i, run.j, Kind.COUNTRY, 0.93, "place")]
        person = own[0].low in self.lex.given or self._relation(run)
        if len(own) == 1 and own[0].upper and len(whole) < 6 and not cue and not self._is_loud():
            return []
        if whole in self.lex.places and (cue or not person) and (
            len(own) > 1 or not own[0].common or cue or (self.lang == "es" and not own[0].first)
        ):
            sure = 0.93 if cue else 0.8
            return [self._span(run.i, run.j, Kind.LOCATION, sure, "place")]
        if _BORN_CUE.search(lead) and not any(medical(t.low) for t in own):
            return [self._span(run.i, run.j, Kind.LOCATION, 0.85, "place-cue")]
        if cue and all(self._unknown(t) or t.low in PARTICLES for t in own) and not any(t.upper and len(t.low) < 5 for t in own):
            return [self._span(run.i, run.j, Kind.LOCATION, 0.75, "place-cue")]
        return []

    def _personal(self, run: _Run, lead: str) -> list[Span]:
        own = [t for t in self.tokens[run.i : run.j] if t.word]
        sure = self._sure(run, own, lead)
        if sure <= 0:
            return []
        return [self._span(run.i, run.j, Kind.PERSON, sure, "names")]

    def _sure(self, run: _Run, own: list[Token], lead: str) -> float:
        if all(t.upper and len(t.low) < 6 for t in own) and not self._is_loud() and (len(own) == 1 or not all(self._named(t.low) for t in own)) and not self._led_in(run):
            return 0.0
        given = [t.low in self.lex.given for t in own]
        family = [t.low in self.lex.family or t.low in self.lex.rare for t in own]
        fresh = [not t.common for t in own]
        cued = _NAME_CUE.search(lead) is not None or self._relation(run)
        if cued and any(f or g for f, g in zip(fresh, given, strict=True)):
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
            return 0.66 if self.lang == "en" else 0.3
        return 0.0

    def _sure_of_one(self, run: _Run, token: Token, *, given: bool, family: bool) -> float:
        if not token.proper:
            return 0.7 if given else 0.35
        if len(token.low) < 3:
            return 0.0
        if token.low in NEVER_NAMES:
            return 0.0
        if not token.common:
            if given:
                return 0.87
            if family:
                return 0.78 if token.low in self.lex.family else 0.7
            if self.lang == "es":
                return 0.3  # in Spanish notes an unknown capital is a drug far more often than a name
            return 0.5 if token.first or (token.upper and not self._is_loud()) else 0.66
        if self._acts(run.i) and (given or family):
            return 0.72
        if token.first or token.low in MONTH_NAMES:
            return 0.0
        return 0.7 if given else 0.5 if token.low in self.lex.family else 0.0

    def _is_loud(self) -> bool:
        return self.text.isupper()

    def _span(self, i: int, j: int, kind: Kind, sure: float, source: str) -> Span:
        return Span(self.tokens[i].start, self.tokens[j - 1].end, kind, sure, f"names:{source}")


def echoes(
    spans: list[Span], tokens: list[Token], protected: list[tuple[int, int]], given: frozenset[str]
) -> list[Span]:
    """Return further places of names that are sure elsewhere in the text."""
    places = {(s.start, s.end) for s in spans}
    strong: set[str] = set()
    for span in spans:
        if span.kind is Kind.PERSON and span.confidence >= 0.9:
            inside = [t for t in tokens if span.start <= t.start and t.end <= span.end and t.word]
            strong |= {t.low for t in inside if len(t.low) > 2 and t.low not in PARTICLES}
    out = []
    for token in tokens:
        if token.low in strong and token.word and (token.start, token.end) not in places:
            if any(a <= token.start < b for a, b in protected):
                continue
            opens = token.common and token.first and token.low not in given
            if token.proper and not opens or not token.common:
                out.append(Span(token.start, token.end, Kind.PERSON, 0.9, "names:echo"))
    return out
