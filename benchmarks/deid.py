"""De-identification: ours and Presidio on the same English notes that neither was made on.

The notes are the last 250 of `presidio_synthetic_500.json`, the simulator's held-out notes in
English, and its trap sentences. What each takes out is measured by one function.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from peers_env import HERE, ROOT, on_one_core, python_of

GOLD = ROOT.parent / "shared" / "data" / "deid" / "presidio_synthetic_500.json"
HELD_OUT = 250


def notes() -> dict[str, list[Any]]:
    """Return the marked notes by set."""
    from euthymia.gateway.deid.evaluate import as_marked
    from euthymia.gateway.deid.gold import read_gold
    from euthymia.simulate.clinical_text import held_out, traps

    english = [p for p in held_out() if p.lang == "en"]
    return {
        "presidio_held_out": read_gold(GOLD)[HELD_OUT:],
        "clinical_held_out": as_marked(english),
        "traps": as_marked(p for p in traps() if p.lang == "en"),
    }


def ours(texts: Sequence[str]) -> dict[str, Any]:
    """Return our spans of each text and the processor seconds."""
    from euthymia.gateway.deid.notes import deidentify
    from euthymia.gateway.deid.tagger import OnnxTagger

    tagger = OnnxTagger.load()
    deidentify("Warm up, Mr Smith.", "en", None, tagger)
    began = time.process_time()
    found = [[(s.start, s.end) for s in deidentify(t, "en", None, tagger).spans] for t in texts]
    return {"spans": found, "seconds": time.process_time() - began}


def figures(marked: Sequence[Any], spans: Sequence[Any]) -> dict[str, Any]:
    """Return recall, leak-free notes and over-redaction of given spans on marked notes."""
    from euthymia.gateway.deid.contract import Kind, Span
    from euthymia.gateway.deid.evaluate import evaluate

    left = iter(spans)

    def told(_text: str, _lang: str) -> tuple[list[Span], bool]:
        return [Span(a, b, Kind.PERSON) for a, b in next(left)], False

    return evaluate(marked, told, probes=False)


def damaged(marked: Sequence[Any], spans: Sequence[Any]) -> float:
    """Return the share of trap sentences of which a harmless word is taken out."""
    from euthymia.gateway.deid.evaluate import harmed

    return sum(harmed(m, s) for m, s in zip(marked, spans, strict=True)) / len(marked)


def run() -> Iterator[dict[str, Any]]:
    """Yield one claim a figure."""
    sets = notes()
    texts = [note.text for group in sets.values() for note in group]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.json"
        path.write_text(json.dumps(texts), "utf-8")
        mine = json.loads(on_one_core([sys.executable, __file__, str(path)]))
        peer = HERE / "peers" / "deid_with_presidio.py"
        theirs = json.loads(on_one_core([python_of("presidio"), str(peer), str(path)]))
    place = 0
    for name, group in sets.items():
        own = mine["spans"][place : place + len(group)]
        other = theirs["spans"][place : place + len(group)]
        place += len(group)
        if name == "traps":
            yield _claim("traps damaged", damaged(group, own), damaged(group, other), lower=True)
            continue
        a, b = figures(group, own), figures(group, other)
        for what in ("recall_direct", "leak_free"):
            yield _claim(f"{name}: {what}", a[what], b[what])
        yield _claim(
            f"{name}: over_redaction", a["over_redaction"], b["over_redaction"], lower=True
        )
    speed = [len(texts) / one["seconds"] for one in (mine, theirs)]
    yield _claim("texts a second on one core", *speed, unit="1/s")


def _claim(
    name: str, mine: float, peer: float, *, lower: bool = False, unit: str = "share"
) -> dict[str, Any]:
    ratio = (peer / mine if mine else 999.0) if lower else (mine / peer if peer else 999.0)
    return {
        "name": f"de-identification, {name}",
        "ours": mine,
        "peer": peer,
        "peer_name": "presidio-analyzer 2.2 (en_core_web_sm)",
        "unit": unit,
        "ratio": max(ratio, 1e-9),
        "goal": 1.0,
    }


if __name__ == "__main__":
    print(json.dumps(ours(json.loads(Path(sys.argv[1]).read_text("utf-8")))))
