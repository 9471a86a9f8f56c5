"""JSON element by element is JSON at once; and steps counted once, by a slow twin."""

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.ground.errors import SourceError
from euthymia.sources import json_stream
from euthymia.sources.blob import Blob
from euthymia.sources.overlap import counted_once

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


def _blob(text: str) -> Blob:
    data = text.encode("utf-8", "surrogatepass")
    return Blob(lambda: io.BytesIO(data), len(data))


def _members(document: Any) -> list[tuple[str | None, Any]]:
    if isinstance(document, list):
        return [(None, value) for value in document]
    return [
        (key, part)
        for key, value in document.items()
        for part in (value if isinstance(value, list) else [value])
    ]


@settings(max_examples=75 * MORE, deadline=None)
@given(
    document=st.lists(VALUES, max_size=6)
    | st.dictionaries(st.text(max_size=5), VALUES, max_size=5),
    piece=st.integers(1, 40),
    indent=st.none() | st.integers(0, 2),
)
def test_element_by_element_is_all_at_once(document: Any, piece: int, indent: int | None) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=piece % 2 == 0)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "PIECE", piece)
        found = [(e.key, e.value) for e in json_stream.elements(_blob(text))]
    assert found == _members(document)


@settings(max_examples=75 * MORE, deadline=None)
@given(document=st.lists(VALUES, min_size=1, max_size=6), share=st.floats(0, 0.999))
def test_a_cut_document_is_told_and_its_beginning_kept(document: Any, share: float) -> None:
    text = json.dumps(document)
    found: list[Any] = []

    def read() -> None:
        found.extend(e.value for e in json_stream.elements(_blob(text[: int(len(text) * share)])))

    with pytest.raises(SourceError):
        read()
    assert found == document[: len(found)]


@pytest.mark.parametrize("number", ["-12", "1.5", "3.25e+16", "2E-7", "10"])
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_no_cut_makes_another_number(number: str, piece: int, monkeypatch) -> None:
    monkeypatch.setattr(json_stream, "PIECE", piece)
    for cut in range(len(number) + 1):
        found: list[Any] = []
        with pytest.raises(SourceError):
            found.extend(e.value for e in json_stream.elements(_blob(f"[0,{number[:cut]}")))
        assert found == [0]
    whole = [e.value for e in json_stream.elements(_blob(f"[0,{number}]"))]
    assert whole == [0, float(number)]


def test_what_follows_a_number_does_not_make_the_rest_be_held(monkeypatch) -> None:
    more, pieces = json_stream._Text.more, []
    monkeypatch.setattr(json_stream, "PIECE", 10)
    monkeypatch.setattr(json_stream._Text, "more", lambda text: pieces.append(1) or more(text))
    with pytest.raises(SourceError, match="not JSON"):
        list(json_stream.elements(_blob("[0, 1x" + " " * 10_000 + "]")))
    assert len(pieces) < 5


@pytest.mark.parametrize(
    "text",
    ["[NaN]", "[1,]", '{"a" 1}', "[" * 5000, "[1] 2", '["\\x"]', "", "nothing", "[Infinity]"],
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(SourceError):
        list(json_stream.elements(_blob(text)))


@settings(max_examples=100 * MORE, deadline=None)
@given(
    records=st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 30), st.integers(0, 3)), max_size=25
    )
)
def test_counted_once_is_its_slow_twin(records: list[tuple[int, int, int]]) -> None:
    start = np.array([r[0] for r in records], np.int64) * 1_000_000
    end = start + np.array([r[1] for r in records], np.int64) * 1_000_000
    rank = np.array([r[2] for r in records], np.int64)
    kept, covered = [False] * len(records), set[int]()
    for place in range(4):
        fresh = set[int]()
        for i, (begin, length, own) in enumerate(records):
            if own == place:
                seconds = set(range(begin, begin + length))
                kept[i] = 2 * len(seconds & covered) <= length
                fresh |= seconds if kept[i] else set()
        covered |= fresh
    assert counted_once(start, end, rank).tolist() == kept
