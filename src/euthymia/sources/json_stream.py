"""JSON of any size, element by element: the members of the lists at the top of a document.

A document is a list (`[{...}, ...]`) or an object whose lists are taken apart (`{"locations":
[{...}, ...]}`); a member that is no list is handed over whole. Each element is decoded on its own,
so memory holds one piece of the file and one element.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from euthymia.ground.errors import SourceError
from euthymia.sources.blob import Blob, MiB

PIECE: Final = MiB
MAX_ELEMENT: Final = 32 * MiB  # characters: a night's sleep has 20 KiB, a day's location 2 MiB
LONGEST_BETWEEN: Final = 2  # of "1e+5" so much may stand after a number and before its next digit
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_AFTER: Final = frozenset(" \t\n\r,:]}")
_CUT: Final = (
    "gzip stream ends early; what came before the cut was kept; copy the file again and re-ingest"
)


@dataclass(frozen=True, slots=True)
class Element:
    """One decoded element: the name of its list (None: the document is one), and where it is."""

    key: str | None
    number: int
    value: Any

    @property
    def place(self) -> str:
        """Where it is, for messages: names of lists are the maker's, but may be anything."""
        named = self.key if self.key and re.fullmatch(r"[A-Za-z0-9_ -]{1,40}", self.key) else None
        return f"{named + ' ' if named else ''}element {self.number}"


def no_constant(_text: str) -> NoReturn:
    """Refuse NaN and Infinity, which are no JSON."""
    raise ValueError


_DECODER: Final = json.JSONDecoder(parse_constant=no_constant)


class _Text:
    """The document's text, read when it is needed."""

    def __init__(self, blob: Blob) -> None:
        self._chunks = _decoded(blob)
        self.blob = blob
        self.text, self.at, self.line, self.ended = "", 0, 1, False

    def more(self) -> bool:
        """Read a piece; drop what is behind."""
        if self.ended:
            return False
        self.line += self.text.count("\n", 0, self.at)
        self.text, self.at = self.text[self.at :], 0
        piece = next(self._chunks, None)
        if piece is None:
            self.ended = True
            return False
        self.text += piece
        return True

    def next(self) -> str:
        """Return the next character that is not space, without taking it; "" at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def take(self, expected: str) -> str:
        """Take one of the expected characters."""
        found = self.next()
        if not found or found not in expected:
            self.fail()
        self.at += 1
        return found

    def value(self) -> Any:  # noqa: ANN401  (JSON)
        """Take a value."""
        while True:
            self.next()
            try:
                found, end = _DECODER.raw_decode(self.text, self.at)
            except RecursionError as problem:
                raise SourceError(f"{self.where()}: the JSON is nested too deeply") from problem
            except ValueError:
                if len(self.text) - self.at > MAX_ELEMENT:
                    raise SourceError(
                        f"{self.where()}: an element is longer than {MAX_ELEMENT // MiB} MiB or "
                        "the text is not JSON"
                    ) from None
                if not self.more():
                    self.fail()
                continue
            if isinstance(found, int | float) and self.text[end : end + 1] not in _AFTER:
                if len(self.text) - end <= LONGEST_BETWEEN and self.more():
                    continue  # the number may go on in the next piece
                self.fail()  # or would have, where the text was cut
            self.at = end
            return found

    def where(self) -> str:
        """Name the line that is being read."""
        return f"line {self.line + self.text.count(chr(10), 0, self.at)}"

    def fail(self) -> NoReturn:
        """Say what is wrong here."""
        if self.blob.cut:
            raise SourceError(_CUT)
        tail = self.text[self.at : self.at + 2]
        if self.ended and (not tail or _unfinished(self.text, self.at)):
            raise SourceError(
                f"the JSON ends early, after {self.where()}: the file is cut; copy it again"
            )
        raise SourceError(f"{self.where()}: the text is not JSON; what came before was kept")


def _unfinished(text: str, at: int) -> bool:
    """Tell whether a value runs into the end of the text."""
    try:
        _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as problem:
        return problem.pos >= len(text) - 6 or "Unterminated" in problem.msg
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(blob: Blob) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        for chunk in blob.chunks():
            for at in range(0, len(chunk), PIECE):
                yield decoder.decode(chunk[at : at + PIECE])
        yield decoder.decode(b"", final=not blob.cut)
    except UnicodeDecodeError as problem:
        raise SourceError("the JSON is not UTF-8 text; save it as UTF-8") from problem


def elements(blob: Blob) -> Iterator[Element]:
    """Yield every element of the lists at the top of a document, in order.

    Raises
    ------
    SourceError
        Where the text is cut, too deep or no JSON; what came before was yielded.
    """
    text = _Text(blob)
    if text.next() == "{":
        yield from _members(text)
    elif text.next() == "[":
        yield from _list(text, None)
    else:
        text.fail()
    more = text.next()
    if blob.cut:
        raise SourceError(_CUT)
    if more:
        raise SourceError(f"{text.where()}: more text after the end of the JSON document")


def _members(text: _Text) -> Iterator[Element]:
    text.take("{")
    if text.next() == "}":
        text.take("}")
        return
    while True:
        if text.next() != '"':
            text.fail()
        key = text.value()
        text.take(":")
        if text.next() == "[":
            yield from _list(text, key)
        else:
            yield Element(key, 1, text.value())
        if text.take(",}") == "}":
            return


def _list(text: _Text, key: str | None) -> Iterator[Element]:
    text.take("[")
    number = 0
    if text.next() == "]":
        text.take("]")
        return
    while True:
        number += 1
        yield Element(key, number, text.value())
        if text.take(",]") == "]":
            return


def begins_json(head: bytes) -> bool:
    """Tell whether a file may be such a document."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in {b"[", b"{"}
