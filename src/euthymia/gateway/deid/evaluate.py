"""How well notes are de-identified, on texts that somebody marked: the figures and their intervals.

All figures count what would leave: a span that a person should look at counts as taken out, and the
share of notes that hold one is told beside them.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.deid.contract import DIRECT, Kind, Lang, Span, Tagger
from euthymia.gateway.deid.gold import Mark, Marked
from euthymia.gateway.deid.notes import deidentify
from euthymia.gateway.deid.tokens import WORDS
from euthymia.simulate.clinical_text import Passage, held_out, traps

Finder = Callable[[str, Lang], tuple[Sequence[Span], bool]]
"""What is taken out of a text, and whether a person must look first."""

RESAMPLES: Final = 2000
SEED: Final = 20260101


@dataclass(slots=True)
class _Note:
    """The counts of one note: letters and digits of marks, words outside marks."""

    direct: int = 0
    direct_found: int = 0
    outside: int = 0
    outside_removed: int = 0
    asked: bool = False
    names: int = 0
    names_found: int = 0
    by_label: dict[str, list[int]] = field(default_factory=dict)


def our_finder(tagger: Tagger | None) -> Finder:
    """Return what `deidentify` takes out, as the evaluation asks for it."""

    def find(text: str, lang: Lang) -> tuple[Sequence[Span], bool]:
        done = deidentify(text, lang, None, tagger)
        return done.spans, done.needs_review

    return find


def evaluate(gold: Sequence[Marked], finder: Finder, *, probes: bool = True) -> dict[str, Any]:
    """Return recall, leak-free notes, over-redaction, traps, origins and speed, with intervals.

    Parameters
    ----------
    gold : sequence of Marked
        The marked notes.
    finder
        What to measure.
    probes : bool
        Also measure the trap sentences and the names by origin that come with the simulator.
    """
    seconds: list[float] = []
    for lang in {note.lang for note in gold}:
        finder("Ready.", lang)  # the word lists are read once, before the clock runs
    notes = [_measured(note, finder, seconds) for note in gold]
    out = _figures(notes)
    out["notes"] = len(notes)
    out["notes_per_second"] = len(notes) / max(sum(seconds), 1e-9)
    out["by_type"] = _by_label(notes)
    out["traps_damaged"], out["worst_origin_gap"], out["recall_by_origin"] = None, None, {}
    if probes:
        out["traps_damaged"] = _traps_damaged(as_marked(traps()), finder)
        out |= _origins(as_marked(held_out()), finder)
    return out


def as_marked(passages: Iterable[Passage]) -> list[Marked]:
    """Return the simulator's passages as marked notes."""
    return [
        Marked(
            p.family,
            p.text,
            "es" if p.lang == "es" else "en",
            tuple(Mark(a, b, kind, Kind(kind) in DIRECT) for a, b, kind in p.spans),
            p.origin,
        )
        for p in passages
    ]


def _measured(note: Marked, finder: Finder, seconds: list[float]) -> _Note:
    begun = time.process_time()
    spans, asked = finder(note.text, note.lang)
    seconds.append(time.process_time() - begun)
    gone = covered(note.text, [(s.start, s.end) for s in spans])
    out = _Note(asked=asked)
    inside = covered(note.text, [(m.start, m.end) for m in note.marks])
    for mark in note.marks:
        _count_mark(out, mark, note.text, gone)
    for match in WORDS.finditer(note.text):
        if not any(inside[match.start() : match.end()]):
            out.outside += 1
            out.outside_removed += any(gone[match.start() : match.end()])
    return out


def _count_mark(out: _Note, mark: Mark, text: str, gone: bytearray) -> None:
    places = [n for n in range(mark.start, mark.end) if text[n].isalnum()]
    found = sum(gone[n] for n in places)
    counts = out.by_label.setdefault(mark.label, [0, 0, 0, 0])
    for n, value in enumerate((len(places), found, 1, found == len(places))):
        counts[n] += value
    if mark.direct:
        out.direct += len(places)
        out.direct_found += found
    if mark.label == Kind.PERSON.value:
        out.names += len(places)
        out.names_found += found


def covered(text: str, places: Iterable[tuple[int, int]]) -> bytearray:
    """Return 1 for each character of `text` inside one of the places, else 0."""
    out = bytearray(len(text))
    for start, end in places:
        out[start:end] = b"\x01" * (end - start)
    return out


def _figures(notes: Sequence[_Note]) -> dict[str, Any]:
    """Return the shares over all notes, each with a 95 % interval by resampling notes."""
    direct = np.array([[n.direct_found, n.direct] for n in notes], float)
    holders = [n for n in notes if n.direct]
    clean = np.array([[n.direct == n.direct_found, 1] for n in holders], float)
    over = np.array([[n.outside_removed, n.outside] for n in notes], float)
    asked = np.array([[n.asked, 1] for n in notes], float)
    out: dict[str, Any] = {"notes_with_direct": len(holders)}
    for name, counts in (
        ("recall_direct", direct),
        ("leak_free", clean),
        ("over_redaction", over),
        ("needs_review", asked),
    ):
        out[name], out[f"{name}_95"] = share_with_interval(counts)
    return out


def share_with_interval(counts: NDArray[np.float64]) -> tuple[float | None, list[float] | None]:
    """Return sum(part) / sum(whole) of rows (part, whole), and its 95 % interval by row."""
    if not len(counts) or not counts[:, 1].sum():
        return None, None
    draws = np.random.default_rng(SEED)
    shares = np.empty(RESAMPLES)
    for n in range(RESAMPLES):
        part, whole = counts[draws.integers(0, len(counts), len(counts))].sum(axis=0)
        shares[n] = part / whole if whole else np.nan
    low, high = np.nanpercentile(shares, [2.5, 97.5])
    return float(counts[:, 0].sum() / counts[:, 1].sum()), [float(low), float(high)]


def _by_label(notes: Sequence[_Note]) -> dict[str, dict[str, float]]:
    sums: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for note in notes:
        for label, counts in note.by_label.items():
            sums[label] = [a + b for a, b in zip(sums[label], counts, strict=True)]
    return {
        label: {
            "characters": chars,
            "recall": found / max(chars, 1),
            "spans": spans,
            "spans_whole": whole / spans,
        }
        for label, (chars, found, spans, whole) in sorted(sums.items())
    }


def _traps_damaged(sentences: Sequence[Marked], finder: Finder) -> float | None:
    """Return the share of sentences of which a word that identifies nobody is taken out."""
    hurt = 0
    for sentence in sentences:
        spans, _ = finder(sentence.text, sentence.lang)
        hurt += harmed(sentence, [(s.start, s.end) for s in spans])
    return hurt / len(sentences) if sentences else None


def harmed(sentence: Marked, places: Iterable[tuple[int, int]]) -> bool:
    """Tell whether a letter or digit outside the marks is in one of the places."""
    gone = covered(sentence.text, places)
    inside = covered(sentence.text, [(m.start, m.end) for m in sentence.marks])
    together = zip(gone, inside, sentence.text, strict=True)
    return any(g and not i and c.isalnum() for g, i, c in together)


def _origins(passages: Sequence[Marked], finder: Finder) -> dict[str, Any]:
    groups: defaultdict[str, list[_Note]] = defaultdict(list)
    for passage in passages:
        groups[passage.origin].append(_measured(passage, finder, []))
    recall = {
        origin: sum(n.names_found for n in notes) / max(sum(n.names for n in notes), 1)
        for origin, notes in sorted(groups.items())
    }
    every = [n for notes in groups.values() for n in notes]
    figures = _figures(every)
    return {
        "recall_by_origin": recall,
        "worst_origin_gap": max(recall.values()) - min(recall.values()),
        "held_out": {k: v for k, v in figures.items() if not k.startswith("needs")},
    }


GOALS: Final[Mapping[str, tuple[str, float]]] = {
    "recall_direct": (">=", 0.99),
    "leak_free": (">=", 0.90),
    "over_redaction": ("<=", 0.02),
    "traps_damaged": ("<=", 0.03),
    "worst_origin_gap": ("<=", 0.03),
    "notes_per_second": (">=", 40.0),
}


def printed(result: Mapping[str, Any]) -> str:
    """Return the figures as a table for a person."""
    lines = [f"{'':<22}{'figure':>9}  {'95 % interval':<17}goal"]
    for name, (sign, goal) in GOALS.items():
        value = result[name]
        interval = result.get(f"{name}_95")
        shown = "-" if value is None else f"{value:.1f}" if goal > 1 else f"{value:.4f}"
        between = f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""
        lines.append(f"{name.replace('_', ' '):<22}{shown:>9}  {between:<17}{sign} {goal:g}")
    asked = result["needs_review"]
    lines.append(f"{'needs review':<22}{asked if asked is None else format(asked, '.4f'):>9}")
    lines += ["", f"{'by type':<34}{'characters':>11}{'recall':>9}{'spans':>8}{'whole':>9}"]
    for label, row in result["by_type"].items():
        lines.append(
            f"{label:<34}{row['characters']:>11}{row['recall']:>9.4f}{row['spans']:>8}"
            f"{row['spans_whole']:>9.4f}"
        )
    for origin, recall in result["recall_by_origin"].items():
        lines.append(f"names, {origin:<27}{'':>11}{recall:>9.4f}")
    return "\n".join(lines)
