"""The training text: shapes filled with values, put together to notes, and made untidy."""

import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path
from random import Random

from deid.insert import inserted
from deid.names import Names
from deid.values import Piece, Values
from euthymia.simulate.clinical_text import fill

HERE = Path(__file__).parent
WORDS = tomllib.loads((HERE / "vocabulary.toml").read_text(encoding="utf-8"))


def templates(lang: str, *, development: bool) -> list[str]:
    """Return the shapes to train on, or the tenth of them kept for development."""
    lines = (HERE / f"templates_{lang}.txt").read_text(encoding="utf-8").splitlines()
    shapes = [line.replace("\\n", "\n") for line in lines if line and not line.startswith("# ")]
    return [shape for at, shape in enumerate(shapes) if (at % 10 == 7) == development]


class Generator:
    """Draws texts of known identifiers."""

    def __init__(
        self,
        names: Names,
        extra: dict[str, list[str]],
        common: dict[str, list[str]],
        *,
        development: bool,
    ) -> None:
        self.names = names
        self.shapes = {lang: templates(lang, development=development) for lang in ("en", "es")}
        self.words = {lang: WORDS[lang] | {"common": common[lang]} for lang in ("en", "es")}
        for lang, sentences in extra.items():
            times = 1 + len(sentences) // (2 * len(self.words[lang]["neg"]))
            self.words[lang]["neg"] = self.words[lang]["neg"] * times + sentences

    def note(self, chance: Random) -> tuple[list[Piece], str]:
        """Return the pieces of one text and its language."""
        lang = chance.choice(("en", "en", "es"))
        values = Values(chance, lang, self.names, self.words[lang])
        count = chance.choices((1, 2, 3, 5, 10), (50, 18, 12, 12, 8))[0]
        pieces: list[Piece] = []
        joint = chance.choice((" ", " ", "\n", "\n\n", "\n- ", " | ", "  "))
        for turn in range(count):
            if turn:
                pieces.append((joint, None))
            if chance.random() < 0.3:
                more = []
                for _ in range(8):
                    more = list(inserted(values.plain(), values))
                    if len(more) > 1:
                        break
                text = "".join(part for part, _ in more)
            else:
                text, more = fill(chance.choice(self.shapes[lang]), values.pieces)
            pieces.extend(more)
            if count > 1 and text[-1].isalnum() and joint.strip() == "" and chance.random() < 0.7:
                pieces.append((".", None))
        return untidy(pieces, chance), lang


def _change_words(pieces: list[Piece], change: Callable[[str], str]) -> list[Piece]:
    return [(change(text), kind) for text, kind in pieces]


def untidy(pieces: list[Piece], chance: Random) -> list[Piece]:
    """Return the pieces with letter case, accents, punctuation and spelling as people write."""
    draw = chance.random()
    if draw < 0.16:
        pieces = _change_words(pieces, str.lower)
    elif draw < 0.23:
        pieces = _change_words(pieces, str.upper)
    elif draw < 0.27:
        pieces = [(t.lower() if k == "PERSON" else t, k) for t, k in pieces]
    elif draw < 0.30:
        pieces = [(t.upper() if k == "PERSON" else t, k) for t, k in pieces]
    if chance.random() < 0.12:
        pieces = _change_words(pieces, _without_accents)
    if chance.random() < 0.08:
        pieces = [(t if k else t.replace(".", "").replace(",", ""), k) for t, k in pieces]
    if chance.random() < 0.08:
        pieces = [(_typo(t, chance), k) for t, k in pieces]
    if chance.random() < 0.05:
        pieces = [(t if k else t.replace("\n", " "), k) for t, k in pieces]
    return [piece for piece in pieces if piece[0]]


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))


def _typo(text: str, chance: Random) -> str:
    letters = list(text)
    for at in range(1, len(letters) - 1):
        if letters[at].isalpha() and chance.random() < 0.03:
            draw = chance.random()
            if draw < 0.4:
                letters[at - 1], letters[at] = letters[at], letters[at - 1]
            elif draw < 0.7:
                letters[at] = ""
            else:
                letters[at] += letters[at]
    return "".join(letters) or text
