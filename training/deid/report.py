"""Measure the tagger alone: `python -m deid.report [weights]`. The whole chain: `euthymia deid --evaluate`."""

import sys
import time
from collections import defaultdict
from pathlib import Path

from deid import corpora, data
from deid.corpora import UNKNOWN
from euthymia.gateway.deid.tagger import OnnxTagger
from euthymia.simulate.clinical_text import held_out, located, traps

QUASI = {"AGE", "COUNTRY", "PROFESSION", UNKNOWN}


def score(tagger: OnnxTagger, texts: list, floor: float, show: int = 0) -> dict:
    """Return character recall by kind and group, leak-free texts and over-redaction."""
    hit, all_ = defaultdict(int), defaultdict(int)
    over = plain = free = 0
    for text, gold, lang, group in texts:
        covered = bytearray(len(text))
        for span in tagger.spans(text, lang, floor=floor):
            covered[span.start : span.end] = b"\1" * (span.end - span.start)
        marked = bytearray(len(text))
        leak = False
        for start, end, kind in gold:
            marked[start:end] = b"\1" * (end - start)
            places = [at for at in range(start, end) if text[at].isalnum()]
            found = sum(covered[at] for at in places)
            for key in (kind, *(("direct", "origin " + group) if kind not in QUASI else ())):
                hit[key] += found
                all_[key] += len(places)
            if kind not in QUASI and found < len(places):
                leak = True
                if show > 0:
                    print(
                        "MISS",
                        kind,
                        repr(text[start:end]),
                        "IN",
                        repr(text[max(0, start - 50) : end + 30]),
                    )
                    show -= 1
        free += not leak
        rest = [at for at in range(len(text)) if not marked[at] and text[at].isalnum()]
        wrong = sum(covered[at] for at in rest)
        if wrong and show > 0:
            words = [(text[s.start : s.end], s.kind.value, round(s.confidence, 2)) for s in tagger.spans(text, lang, floor=floor)
                     if not any(marked[s.start : s.end])]  # fmt: skip
            print("OVER", words)
        over += wrong
        plain += len(rest)
    return {key: round(hit[key] / all_[key], 4) for key in sorted(all_)} | {
        "leak_free": round(free / len(texts), 3), "over": round(over / plain, 4)}  # fmt: skip


def cases(found: list, lang: str, group: str) -> list:
    """Return pieces as (text, spans, language, group)."""
    return [("".join(t for t, _ in case), located(case), lang, group) for case in found]


if __name__ == "__main__":
    tagger = OnnxTagger.load(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
    show = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    every = corpora.meddocan(data.DATA / "deid/meddocan/train.tar.gz")
    kept = cases([case for at, case in enumerate(every) if at % 10 == 7], "es", "meddocan")
    new = {"en": 36, "es": 32}  # shapes from these numbers on were written after the text was fixed
    passages = held_out()
    held = [(p.text, p.spans, p.lang, p.origin) for p in passages]
    late = [
        (p.text, p.spans, p.lang, p.origin)
        for p in passages
        if int(p.family.split("-")[1]) >= new[p.lang]
    ]
    for floor in (0.5, 0.2):
        print("floor", floor)
        print(" meddocan kept", score(tagger, kept, floor, show if floor == 0.5 else 0))
        result = score(tagger, held, floor, show if floor == 0.5 else 0)
        print(" held out", {k: v for k, v in result.items() if "origin" not in k})
        fresh = score(tagger, late, floor)
        print(" held out, late shapes", {k: v for k, v in fresh.items() if "origin" not in k})
        origins = {k: v for k, v in result.items() if "origin" in k}
        print(" origins", origins, "gap", round(max(origins.values()) - min(origins.values()), 4))
        names = defaultdict(list)
        for text, spans, lang, origin in held:
            names[origin].append((text, [s for s in spans if s[2] == "PERSON"], lang, origin))
        people = {o: score(tagger, t, floor)["PERSON"] for o, t in names.items()}
        print(
            " person by origin",
            people,
            "gap",
            round(max(people.values()) - min(people.values()), 4),
        )
        damaged = [
            p
            for p in traps()
            if any(
                not any(a <= at < b for a, b, _ in p.spans)
                for s in tagger.spans(p.text, p.lang, floor=floor)
                for at in range(s.start, s.end)
                if p.text[at].isalnum()
            )
        ]
        print(" traps damaged", len(damaged), "of", len(traps()))
        if show and floor == 0.5:
            for p in damaged:
                print(
                    "TRAP",
                    p.text,
                    [
                        (p.text[s.start : s.end], s.kind.value, round(s.confidence, 2))
                        for s in tagger.spans(p.text, p.lang)
                    ],
                )
    began, count = time.process_time(), 0
    for _ in range(3):
        for text, _, lang, _ in kept:
            tagger.spans(text, lang)
            count += len(text)
    spent = time.process_time() - began
    print(f"{count / 2000 / spent:.0f} notes of 2,000 characters a CPU-second")
