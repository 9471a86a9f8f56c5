"""The tagger that comes with Euthymia: a small network that finds identifiers by their context.

It needs nothing but its own file, `onnxruntime` and `numpy`. `training/deid` makes the file;
`tagger.json` beside it says of what, under which licences and how well.
"""

import base64
import hashlib
import json
import zlib
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from euthymia.gateway.deid import tagger_text
from euthymia.gateway.deid.contract import LANGS, Kind, Lang, Span
from euthymia.gateway.deid.tagger_text import Tokens
from euthymia.ground.errors import IntegrityError, MissingError

SOURCE: Final = "tagger"

FLOOR: Final = 0.3
"""The least chance of a word that is marked: a name left in costs more than a word taken out."""

_CHUNK: Final = 2000
"""Words that the network sees at once: bounds memory, costs nothing."""

_REACH: Final = 16
"""Words to each side that can change a word's result: the sum of the dilations."""

_COLUMN: Final = 2
"""Blanks between two words from which on they stand in two columns of a form."""

_REMEMBERED: Final = 20_000
"""Words of a language whose features are kept; two notes in a row share most of theirs."""

_NO_TAGGER: Final = "the de-identification tagger's file is not a tagger; install Euthymia again"
_LARGEST_FILTER: Final = tagger_text.WORD_BITS // 8
_HINGES: Final = frozenset("-'./\u2019\u2010")
_EDGES: Final = " \t\r\n\f\v.,;:!?\xa1\xbf\"'`\xab\xbb<>|*=_-\u2013\u2014\u2018\u201c\u201d\u2026"


class OnnxTagger:
    """Finds identifiers. One object serves any number of texts and threads."""

    def __init__(self, session: Any, kinds: tuple[Kind, ...], common: bytes) -> None:  # noqa: ANN401
        self._session = session
        self._kinds = kinds
        self._common = common
        self._seen: dict[Lang, dict[str, bytes]] = {lang: {} for lang in LANGS}

    @classmethod
    def load(cls, weights: Path | None = None) -> "OnnxTagger":
        """Return the tagger of the weights that come with Euthymia, or of another file.

        Parameters
        ----------
        weights
            An ONNX file with its card (`.json`) beside it.

        Raises
        ------
        MissingError
            No weights or no card.
        IntegrityError
            The weights are not those of the card, or not a tagger.
        """
        session = _session(_verified(weights))
        facts = session.get_modelmeta().custom_metadata_map
        try:
            kinds = tuple(Kind(name) for name in facts["kinds"].split())
            packed = base64.b85decode(facts["common"])
            common = zlib.decompressobj().decompress(packed, _LARGEST_FILTER + 1)
        except (KeyError, ValueError, zlib.error):
            raise IntegrityError(_NO_TAGGER) from None
        if len(common) != _LARGEST_FILTER:
            raise IntegrityError("the de-identification tagger's word filter has another size")
        return cls(session, kinds, common)

    def spans(self, text: str, lang: Lang, *, floor: float = FLOOR) -> list[Span]:
        """Return what looks like an identifier, in order, without overlaps.

        Parameters
        ----------
        floor
            The least chance of each word of being an identifier at all. Spans between a low floor
            and 0.5 are the uncertain ones, for a person to look at.

        Returns
        -------
        list of Span
            `confidence` is the calibrated chance (mean over the span's words) that it is an
            identifier; `kind` is the likeliest.
        """
        tokens = tagger_text.tokenize(text)
        if not tokens.words:
            return []
        spoken = lang if lang in LANGS else LANGS[0]
        chances = self._chances(self._features(tokens, spoken))
        some = 1.0 - chances[:, 0]
        kind = 1 + np.argmax(chances[:, 1:], axis=1)
        runs = _runs(tokens, some, kind, floor)
        return [
            span
            for start, end, number in runs
            if (span := self._span(text, tokens, some, start, end, self._kinds[number - 1]))
        ]

    def _features(self, tokens: Tokens, lang: Lang) -> NDArray[np.int32]:
        """Return the features of the words; those of words met before are not computed again."""
        if len(self._seen[lang]) > _REMEMBERED:
            self._seen[lang] = {}
        return tagger_text.features(tokens, lang, self._common, self._seen[lang])

    def _chances(self, ids: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return (words, kinds + 1): the same for any size of the pieces it is computed in."""
        parts: list[NDArray[np.float32]] = []
        for start in range(0, len(ids), _CHUNK):
            first = max(0, start - _REACH)
            end = min(len(ids), start + _CHUNK)
            seen = ids[first : end + _REACH]
            (made,) = self._session.run(None, {"ids": seen})
            parts.append(made[start - first : end - first])
        return np.concatenate(parts)

    @staticmethod
    def _span(
        text: str, tokens: Tokens, some: NDArray[np.float32], first: int, last: int, kind: Kind
    ) -> Span | None:
        """Return the span of words [first, last), without signs at its ends; None if only signs."""
        start, end = tokens.starts[first], tokens.ends[last - 1]
        words = text[start:end]
        start += len(words) - len(words.lstrip(_EDGES))
        end -= len(words) - len(words.rstrip(_EDGES))
        solid = [at for at in range(first, last) if tokens.words[at][0].isalnum()]
        if start >= end or not solid:
            return None
        return Span(start, end, kind, float(np.clip(some[solid].mean(), 0.0, 1.0)), SOURCE)


def _runs(
    tokens: Tokens, some: NDArray[np.float32], kind: NDArray[np.int64], floor: float
) -> list[tuple[int, int, int]]:
    """Return (first word, last word + 1, number of the kind) of each stretch of one kind.

    One word that is likelier than a third of `floor`, or a hyphen, between two stretches of the
    same kind belongs to them. A stretch ends where its column does.
    """
    runs: list[tuple[int, int, int]] = []
    for at in np.flatnonzero(some >= floor).tolist():
        number = int(kind[at])
        apart = at > 0 and tokens.starts[at] - tokens.ends[at - 1] > _COLUMN
        if runs and runs[-1][2] == number and not apart:
            first, end, _ = runs[-1]
            between = tokens.words[end] if end < at else ""
            near = at == end or (
                at == end + 1
                and between != "\n"
                and (between in _HINGES or float(some[end]) > floor / 3)
            )
            if near:
                runs[-1] = (first, at + 1, number)
                continue
        runs.append((at, at + 1, number))
    return runs


def _session(raw: bytes) -> Any:  # noqa: ANN401
    """Return the network on one thread, nothing of it read from anywhere but `raw`."""
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # every text has another length
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    except (state.InvalidProtobuf, state.InvalidGraph, state.NotImplemented, state.Fail):
        raise IntegrityError(_NO_TAGGER) from None


def _verified(weights: Path | None) -> bytes:
    """Return the bytes of the weights after their digest was found to be the card's."""
    file: Traversable | Path
    card: Traversable | Path
    if weights is None:
        folder = resources.files("euthymia.gateway.deid")
        file, card = folder.joinpath("tagger.onnx"), folder.joinpath("tagger.json")
    else:
        file, card = weights, weights.with_suffix(".json")
    try:
        raw = file.read_bytes()
        digest = json.loads(card.read_text(encoding="utf-8"))["sha256"]
    except FileNotFoundError:
        raise MissingError(
            "the de-identification tagger's weights or card are missing; install Euthymia again"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise IntegrityError("the de-identification tagger's card is damaged") from None
    if hashlib.sha256(raw).hexdigest() != digest:
        raise IntegrityError(
            "the de-identification tagger's weights are not those of its card; "
            "install Euthymia again"
        )
    return raw
