"""Measure the whole chain on wide development notes: `python -m deid.wide a|b [--show N] [--rules]`.

Whole notes of many shapes, with names of thirty origins, and sentences that hold nothing of a person.
`--show` prints what leaks and what is taken for nothing. The rules were developed on set `a` first; `b`
and `c`, other notes with other names, were each measured once before they were opened as well. The
tagger learns from all three by now (stage 5 of its weights), so they tell only what was mended.
"""

import argparse
import re
import time
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

from euthymia.gateway.deid.contract import DIRECT, Kind, Lang, Tagger
from euthymia.gateway.deid.evaluate import covered, evaluate, harmed, our_finder
from euthymia.gateway.deid.gold import Mark, Marked
from euthymia.gateway.deid.notes import deidentify
from euthymia.gateway.deid.tagger import OnnxTagger

HERE = Path(__file__).parent
UNCOUNTED = "M"
"""A weekday or a word like "yesterday": found or not, it counts for nothing."""
KINDS = {
    "N": Kind.PERSON, "D": Kind.DATE, "P": Kind.PHONE, "I": Kind.ID, "A": Kind.ADDRESS, "L": Kind.LOCATION,
    "Z": Kind.POSTCODE, "H": Kind.HOSPITAL, "O": Kind.ORGANISATION, "E": Kind.EMAIL, "U": Kind.URL,
    "C": Kind.COUNTRY, "X": Kind.ACCOUNT, "K": Kind.USERNAME, "V": Kind.VEHICLE, "G": Kind.AGE,
    "Q": Kind.PROFESSION, "W": Kind.IP, "B": Kind.COORDINATES,
}  # fmt: skip
PART = re.compile(r"\[(?P<kind>[A-Z]):(?P<value>[^]]+)\]|\{(?P<who>[a-z])\.(?P<form>[a-z]+)(?P<how>\^|\[0\])?\}")  # fmt: skip
EACH = 7
"""Notes made of each shape, each with names of other origins."""


class People:
    """The people of one note: each keeps its name."""

    def __init__(
        self, chance: Random, given: list[str], family: list[str], title: str, lang: str
    ) -> None:
        self.given, self.family = given.copy(), family.copy()
        chance.shuffle(self.given)
        chance.shuffle(self.family)
        self.title, self.lang = title, lang
        self.cast: dict[str, tuple[str, str]] = {}

    def written(self, who: str, form: str, how: str) -> str:
        """Return the name of one of them in one form."""
        if who not in self.cast:
            at = len(self.cast)
            self.cast[who] = (
                self.given[at % len(self.given)],
                self.family[at % len(self.family)],
            )
        given, family = self.cast[who]
        forms = {
            "full": f"{given} {family}",
            "given": given,
            "family": family,
            "comma": f"{family}, {given}",
            "upper": f"{given} {family}".upper(),
            "initials": f"{given[0]}{family[0].upper()}",
            "init": f"{given[0]}. {family}",
        }
        text = forms[form]
        text = text.upper() if how == "^" else text[0] if how else text
        return unicodedata.normalize("NFC", text)


def sets(part: str) -> dict[str, tuple[list[str], list[str]]]:
    """Return given and family names by origin."""
    lists = tomllib.loads((HERE / "wide_names.toml").read_text(encoding="utf-8"))[part]
    return {o: (v["given"].split("|"), v["family"].split("|")) for o, v in lists.items()}


def notes(part: str) -> Iterator[Marked]:
    """Yield the marked notes of a set."""
    origins = sets(part)
    order = sorted(origins)
    turn = 0
    langs: tuple[Lang, Lang] = ("en", "es")
    for lang in langs:
        text = (HERE / f"wide_{part}_{lang}.txt").read_text(encoding="utf-8")
        for number, shape in enumerate(text.split("%%\n")):
            for _ in range(EACH):
                origin = order[turn % len(order)]
                turn += 9
                people = People(Random(f"{lang}{number}{origin}"), *origins[origin], origin, lang)
                yield _filled(f"{lang}-{number}-{origin}", shape.strip(), lang, people)


def _filled(name: str, shape: str, lang: Lang, people: People) -> Marked:
    out, at, marks = "", 0, []
    for match in PART.finditer(shape):
        out += shape[at : match.start()]
        at = match.end()
        value = match["value"] or people.written(match["who"], match["form"], match["how"] or "")
        if match["kind"] == UNCOUNTED:
            mark = Mark(len(out), len(out) + len(value), "UNCOUNTED", direct=False)
        else:
            kind = KINDS[match["kind"]] if match["kind"] else Kind.PERSON
            direct = kind in DIRECT or kind is Kind.AGE
            mark = Mark(len(out), len(out) + len(value), kind.value, direct)
        marks.append(mark)
        out += value
    return Marked(name, out + shape[at:], lang, tuple(marks), people.title)


def traps(part: str) -> list[Marked]:
    """Return sentences that name nobody."""
    lines = (HERE / f"wide_traps_{part}.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines]
    return [Marked(t, t, "es" if lang == "es" else "en", ()) for lang, t in pairs]


def report(part: str, tagger: Tagger | None, show: int, only: str) -> None:
    """Print the figures, and up to `show` leaks and false hits."""
    every = list(notes(part))
    begun = time.process_time()
    for lang in ("en", "es"):
        gold = [n for n in every if n.lang == lang]
        found = evaluate(gold, our_finder(tagger), probes=False)
        keys = ("recall_direct", "leak_free", "over_redaction", "needs_review")
        print(lang, len(gold), {key: round(found[key], 4) for key in keys})
        low = {k: round(v["recall"], 3) for k, v in found["by_type"].items() if v["recall"] < 1}
        print("  ", low)
    hurt: Counter[str] = Counter()
    sentences = traps(part)
    for sentence in sentences:
        spans = deidentify(sentence.text, sentence.lang, None, tagger).spans
        if harmed(sentence, [(s.start, s.end) for s in spans]):
            hurt[sentence.lang] += 1
            if show and only in {"", "trap"}:
                print("TRAP", sentence.text, [(sentence.text[s.start : s.end], s.kind.value, s.source, round(s.confidence, 2)) for s in spans])  # fmt: skip
    print("traps", dict(hurt), "of", dict(Counter(s.lang for s in sentences)))
    _errors(every, tagger, show, only)
    print(f"{time.process_time() - begun:.1f} CPU seconds")


def _errors(every: list[Marked], tagger: Tagger | None, show: int, only: str) -> None:
    names: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    lines: Counter[str] = Counter()
    for note in every:
        spans = deidentify(note.text, note.lang, None, tagger).spans
        gone = covered(note.text, [(s.start, s.end) for s in spans])
        inside = covered(note.text, [(m.start, m.end) for m in note.marks])
        for mark in note.marks:
            places = [n for n in range(mark.start, mark.end) if note.text[n].isalnum()]
            hit = sum(gone[n] for n in places)
            if mark.label == Kind.PERSON.value:
                names[note.origin][0] += hit
                names[note.origin][1] += len(places)
            if mark.direct and hit < len(places):
                around = note.text[max(0, mark.start - 40) : mark.start]
                own, after = note.text[mark.start : mark.end], note.text[mark.end : mark.end + 25]
                lines[f"LEAK {note.name} {mark.label} {around!r} << {own} >> {after!r}"] += 1
        for span in spans:
            if not any(inside[span.start : span.end]):
                own = note.text[span.start : span.end]
                around = note.text[max(0, span.start - 30) : span.end + 20]
                lines[f"OVER {note.name.rsplit('-', 1)[0]} {span.kind.value} {span.source} {span.confidence:.2f} {own!r} IN {around!r}"] += 1  # fmt: skip
    recall = {o: round(a / b, 3) for o, (a, b) in sorted(names.items())}
    print(recall, "gap", round(max(recall.values()) - min(recall.values()), 3))
    if show:
        picked = [line for line in sorted(lines) if line.startswith(only.upper())]
        Random(1).shuffle(picked)
        print("\n".join(sorted(picked[:show])))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["a", "b", "c"])
    parser.add_argument("--show", type=int, default=0)
    parser.add_argument("--only", default="", help="leak, over or trap")
    parser.add_argument("--rules", action="store_true", help="without the tagger")
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    report(
        options.part,
        None if options.rules else OnnxTagger.load(options.weights),
        options.show,
        options.only,
    )
