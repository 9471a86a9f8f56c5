"""Texts whose identifiers somebody marked: MEDDOCAN's BRAT folders and JSON lists of spans."""

import json
import lzma
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from euthymia.gateway.deid.contract import Kind, Lang
from euthymia.ground.errors import SchemaError, SourceError


@dataclass(frozen=True, slots=True)
class Mark:
    """Characters [start, end) that somebody marked as `label`; `direct` if they identify."""

    start: int
    end: int
    label: str
    direct: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """One text and its marks; `origin` of the names and `trap` where the maker says so."""

    name: str
    text: str
    lang: Lang
    marks: tuple[Mark, ...]
    origin: str = ""
    trap: bool = False


# MEDDOCAN's labels (Marimon et al. 2019). Direct are those of HIPAA Safe Harbor: names, all places
# smaller than a country, all dates, contacts, numbers. Not direct: sex, country, profession, kin
# named by relation alone, free remarks, ages (over 89 they are) and INSTITUCION, which MEDDOCAN
# uses for makers of devices, courts and societies; a place of care is HOSPITAL or CENTRO_SALUD.
MEDDOCAN_QUASI: Final = frozenset(
    {"SEXO_SUJETO_ASISTENCIA", "PAIS", "PROFESION", "FAMILIARES_SUJETO_ASISTENCIA",
     "OTROS_SUJETO_ASISTENCIA", "EDAD_SUJETO_ASISTENCIA", "INSTITUCION"}
)  # fmt: skip
# Labels of JSON lists that are not direct. ORGANIZATION is (an employer is); a GPE is, though
# Safe Harbor allows a country. TITLE is "Dr." or a job; NRP is a nationality.
JSON_QUASI: Final = frozenset({"TITLE", "NRP", "AGE", Kind.COUNTRY.value, Kind.PROFESSION.value})
_NUMBERED: Final = frozenset({"ID_SUJETO_ASISTENCIA", "ID_ASEGURAMIENTO"})
_NUMBER: Final = re.compile(r"\d{1,3}")
_AGES: Final = frozenset({"EDAD_SUJETO_ASISTENCIA", "AGE"})
_BRAT_LINE: Final = "T1<tab>LABEL 0 9<tab>the words"
_ROW: Final = '{"full_text": ..., "spans": [{"entity_type", "start_position", "end_position"}]}'


def read_gold(path: Path) -> list[Marked]:
    """Return the marked texts of a BRAT folder or archive (`.txt` + `.ann`) or of a JSON list.

    Raises
    ------
    SourceError
        If the path holds neither.
    SchemaError
        If it is not written as it must be, or a mark lies outside its text; the message says where.
    """
    if path.is_dir():
        pairs = ((p.name, p.read_bytes()) for p in sorted(path.iterdir()) if p.is_file())
        return _brat(pairs)
    if path.suffix in {".json", ".jsonl"}:
        return _json(path)
    if not path.is_file() or not tarfile.is_tarfile(path):
        raise SourceError("not a folder or archive of .txt and .ann files, nor a .json list")
    try:
        with tarfile.open(path) as archive:
            files = list(_members(archive))
    except (EOFError, tarfile.TarError, zlib.error, lzma.LZMAError, OSError) as error:
        raise SourceError(
            "the archive of marked notes is cut short or damaged: copy it again; "
            "nothing was measured"
        ) from error
    return _brat(files)


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        if member.isfile():
            file = archive.extractfile(member)
            if file is not None:
                yield Path(member.name).name, file.read()


def _brat(files: Iterable[tuple[str, bytes]]) -> list[Marked]:
    """Return the marked texts of (name, bytes); hidden files (`._a.txt`) are passed over."""
    texts: dict[str, str] = {}
    notes: dict[str, str] = {}
    for name, data in files:
        stem, dot, ending = name.rpartition(".")
        if dot and ending in {"txt", "ann"} and not name.startswith("."):
            (texts if ending == "txt" else notes)[stem] = _decoded(name, data)
    if not texts:
        raise SchemaError("no .txt here: every .txt needs an .ann of the same name (BRAT)")
    for name in sorted(set(texts) - set(notes)):
        raise SchemaError(f"{name}.txt needs an .ann of the same name beside it (BRAT)")
    return [
        Marked(name, text, "es", tuple(_brat_marks(text, f"{name}.ann", notes[name])))
        for name, text in sorted(texts.items())
    ]


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SchemaError(
            f"{name} line {line}: not UTF-8; convert the file to UTF-8 first"
        ) from error


def _brat_marks(text: str, name: str, lines: str) -> Iterator[Mark]:
    for n, line in enumerate(lines.removeprefix("\ufeff").split("\n"), 1):
        if not line.startswith("T"):
            continue
        where = f"{name} line {n}"
        parts = line.split("\t")
        words = parts[1].replace(";", " ").split() if len(parts) > 1 else []
        try:
            numbers = list(map(int, words[1:]))
        except ValueError as error:
            raise SchemaError(
                f"{where}: an offset is not a whole number; write {_BRAT_LINE}"
            ) from error
        if not numbers:
            raise SchemaError(f"{where}: no tab, label and offsets; write {_BRAT_LINE}")
        if len(numbers) % 2:
            raise SchemaError(f"{where}: an offset is missing, each start needs an end")
        for start, end in zip(numbers[::2], numbers[1::2], strict=True):
            yield _mark(where, text, start, end, words[0], MEDDOCAN_QUASI)


def _mark(where: str, text: str, start: int, end: int, label: str, quasi: frozenset[str]) -> Mark:
    if not 0 <= start < end <= len(text):
        raise SchemaError(
            f"{where}: the mark lies outside its text; are the texts those that were marked?"
        )
    direct = label not in quasi
    if label in _NUMBERED and not any(map(str.isdigit, text[start:end])):
        direct = False  # a number's label on words ("Lactante"): nothing that leads to a person
    if label in _AGES:
        direct = any(89 < int(n) < 130 for n in _NUMBER.findall(text[start:end]))
    return Mark(start, end, label, direct)


def _json(path: Path) -> list[Marked]:
    raw = _decoded(path.name, path.read_bytes()).removeprefix("\ufeff")
    if path.suffix == ".json":
        listed = _loaded(f"{path.name} line", 1, raw)
        if not isinstance(listed, list):
            raise SchemaError(f"{path.name}: not a list; it must look like [{_ROW}]")
        rows = [(f"{path.name} text {n}", row) for n, row in enumerate(listed, 1)]
    else:
        lines = [(n, line) for n, line in enumerate(raw.split("\n"), 1) if line.strip()]
        rows = [
            (f"{path.name} line {n}", _loaded(f"{path.name} line", n, line)) for n, line in lines
        ]
    if not rows:
        raise SchemaError(f"{path.name} holds no marked text: there is nothing to measure on")
    return [_row(n, where, row) for n, (where, row) in enumerate(rows)]


def _loaded(where: str, first: int, raw: str) -> object:
    """Return what a JSON text says that begins on line `first`."""
    try:
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise SchemaError(
            f"{where} {first + error.lineno - 1}: not JSON; correct the line"
        ) from None  # the error carries the text
    except (ValueError, RecursionError):
        raise SchemaError(f"{where} {first}: not JSON that can be read") from None


def _row(n: int, where: str, found: object) -> Marked:
    row: dict[str, Any] = found if isinstance(found, dict) else {}
    try:
        text = str(row["full_text"])
        lang: Lang = "es" if row.get("lang", row.get("language")) == "es" else "en"
        marks = [
            (int(s["start_position"]), int(s["end_position"]), str(s["entity_type"]))
            for s in row["spans"]
        ]
        origin, trap = str(row.get("origin", "")), bool(row.get("trap"))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise SchemaError(f"{where}: not a marked text; it must look like {_ROW}") from error
    placed = tuple(_mark(where, text, start, end, label, JSON_QUASI) for start, end, label in marks)
    return Marked(str(n), text, lang, placed, origin, trap)
