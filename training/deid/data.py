"""The texts of an epoch, encoded: features, labels, batches of equal length."""

from pathlib import Path
from random import Random

import numpy as np

from deid import corpora
from deid.generate import Generator, untidy
from deid.names import Names
from deid.values import Piece
from euthymia.gateway.deid import tagger_text
from euthymia.gateway.deid.contract import Kind
from euthymia.simulate.clinical_text import located

KINDS = [kind.value for kind in Kind if kind is not Kind.PASSAGE]
IGNORED = -100
LABEL = {kind: number + 1 for number, kind in enumerate(KINDS)} | {corpora.UNKNOWN: IGNORED}
WINDOW = 256
WIDE_PARTS = "abcd"
TRAP_PARTS = (*WIDE_PARTS, "e")
"""The sets of whole notes that are learnt from."""
WIDE_TIMES = 24
"""How often each whole note is drawn in an epoch."""
HAND_TIMES = 16
"""How often each note written by hand is drawn in an epoch."""
HAND_KEPT = (0, 4)
"""The last digits of the numbers of those that are kept for measuring: a fifth."""
HERE = Path(__file__).parent
DATA = Path(__file__).parents[3] / "shared" / "data"


def common_words(dictionary: Path) -> list[str]:
    """Return the English words written small in a word list (SCOWL)."""
    lines = dictionary.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.isalpha() and line.isascii() and line.islower()]


def common_filter(words: list[str]) -> bytes:
    """Return the filter that `tagger_text.is_common` reads."""
    bits = bytearray(tagger_text.WORD_BITS // 8)
    for word in words:
        for place in tagger_text.filter_places(tagger_text.fold(word)):
            bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


class Encoder:
    """Makes features and labels; each word's features are computed once."""

    def __init__(self, common: bytes) -> None:
        self.common = common
        self.known: dict[str, dict] = {"en": {}, "es": {}}

    def __call__(self, pieces: list[Piece], lang: str) -> tuple[np.ndarray, np.ndarray]:
        """Return features (words, width) and labels (words,)."""
        text = "".join(words for words, _ in pieces)
        tokens = tagger_text.tokenize(text)
        ids = tagger_text.features(tokens, lang, self.common, self.known[lang])
        owner = np.zeros(len(text) + 1, dtype=np.int16)
        for start, end, kind in located(pieces):
            owner[start:end] = LABEL[kind]
        labels = owner[np.asarray(tokens.starts, dtype=np.int64)] if tokens.words else owner[:0]
        return ids, labels


class Corpus:
    """Everything the tagger learns from, and what is kept for development."""

    def __init__(self, words: list[str]) -> None:
        self.names = Names()
        cases = corpora.meddocan(DATA / "deid/meddocan/train.tar.gz")
        self.cases = [case for at, case in enumerate(cases) if at % 10 != 7]
        self.kept_cases = [case for at, case in enumerate(cases) if at % 10 == 7]
        self.sentences = corpora.presidio(DATA / "deid/presidio_synthetic_500.json")
        self.wide = [
            (shape, lang)
            for lang in ("en", "es")
            for part in WIDE_PARTS
            for shape in corpora.wide(HERE / f"wide_{part}_{lang}.txt")
        ]
        self.hand = [
            (note, lang)
            for lang in ("en", "es")
            for number, note in corpora.hand(HERE / f"hand_{lang}.txt")
            if number % 10 not in HAND_KEPT
        ]
        plain = [
            row
            for part in TRAP_PARTS
            for row in (HERE / f"wide_traps_{part}.txt").read_text(encoding="utf-8").splitlines()
        ]
        wide = {lang: [row[3:] for row in plain if row.startswith(lang)] * 3 for lang in ("en", "es")}  # fmt: skip
        everyday = corpora.sad(DATA / "text/SAD_v1.xlsx")
        clinical = [s for case in self.cases for s in plain_sentences(case)]
        extra = {"en": everyday + wide["en"], "es": clinical + wide["es"]}
        found = {w for s in clinical for w in s.split() if w.isalpha() and w.islower()}
        common = {"en": words, "es": sorted(word for word in found if len(word) > 3)}
        self.generator = Generator(self.names, extra, common, development=False)
        self.kept_generator = Generator(self.names, extra, common, development=True)

    def epoch(self, seed: int, notes: int) -> list[tuple[list[Piece], str]]:
        """Return the texts of one epoch."""
        chance = Random(f"epoch {seed}")
        texts = [self.generator.note(chance) for _ in range(notes)]
        for case in self.cases:
            texts.append((case, "es"))
            texts.append((corpora.renamed(case, chance, "es", self.names), "es"))
        for sentence in self.sentences:
            texts.append((sentence, "en"))
            texts.extend(
                (corpora.renamed(sentence, chance, "en", self.names), "en") for _ in range(6)
            )
        for shape, lang in self.wide:
            for _ in range(WIDE_TIMES):
                pieces = corpora.filled(shape, chance, lang, self.names)
                texts.append((untidy(pieces, chance) if chance.random() < 0.5 else pieces, lang))
        for note, lang in self.hand:
            texts.append((note, lang))
            for _ in range(HAND_TIMES):
                pieces = corpora.rewritten(note, chance, lang, self.names)
                texts.append((untidy(pieces, chance) if chance.random() < 0.4 else pieces, lang))
        other = {"en": "es", "es": "en"}
        return [(text, other[lang] if chance.random() < 0.04 else lang) for text, lang in texts]

    def development(self, notes: int) -> list[tuple[list[Piece], str]]:
        """Return texts of kept cases and kept shapes."""
        chance = Random("development")
        texts = [self.kept_generator.note(chance) for _ in range(notes)]
        return texts + [(case, "es") for case in self.kept_cases]


def plain_sentences(case: list[Piece]) -> list[str]:
    """Return the sentences of a case without identifiers."""
    found = []
    for text, kind in case:
        if kind is None:
            parts = text.replace("\n", ". ").split(". ")[1:-1]
            found.extend(part.strip() + "." for part in parts if 25 < len(part) < 220)
    return found


def windows(encoded: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return texts cut to at most `WINDOW` words."""
    cut = []
    for ids, labels in encoded:
        cut.extend(
            (ids[at : at + WINDOW], labels[at : at + WINDOW]) for at in range(0, len(ids), WINDOW)
        )
    return cut


def batches(parts: list[tuple[np.ndarray, np.ndarray]], chance: Random, words: int = 6000):
    """Yield (ids, labels) batches of texts of similar length, in random order."""
    order = sorted(range(len(parts)), key=lambda at: (len(parts[at][0]), chance.random()))
    groups, group, longest = [], [], 0
    for at in order:
        longest = max(longest, len(parts[at][0]))
        if group and longest * (len(group) + 1) > words:
            groups.append(group)
            group, longest = [], len(parts[at][0])
        group.append(at)
    groups.append(group)
    chance.shuffle(groups)
    for group in groups:
        size = max(len(parts[at][0]) for at in group)
        ids = np.zeros((len(group), size, tagger_text.WIDTH), dtype=np.int32)
        labels = np.full((len(group), size), IGNORED, dtype=np.int64)
        for row, at in enumerate(group):
            ids[row, : len(parts[at][0])] = parts[at][0]
            labels[row, : len(parts[at][1])] = parts[at][1]
        yield ids, labels
