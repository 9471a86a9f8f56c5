"""Texts whose identifiers somebody marked: MEDDOCAN's BRAT folders and JSON lists of spans."""

import json
import re
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from euthymia.gateway.deid.contract import Kind, Lang
from euthymia.ground.errors import SourceError


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


def read_gold(path: Path) -> list[Marked]:
    """Return the marked texts of a BRAT folder or archive (`.txt` + `.ann`) or of a JSON list.

    Raises
    ------
    SourceError
        If the path holds neither, or a mark lies outside its text.
    """
    if path.is_dir():
        pairs = ((p.name, p.read_bytes()) for p in sorted(path.iterdir()) if p.is_file())
        return _brat(pairs)
    if path.suffix in {".json", ".jsonl"}:
        return _json(path)
    if not path.is_file() or not tarfile.is_tarfile(path):
        raise SourceError("not a folder or archive of .txt and .ann files, nor a .json list")
    with tarfile.open(path) as archive:
        return _brat(_members(archive))


def _members(archive: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in archive:
        if member.isfile():
            file = archive.extractfile(member)
            if file is not None:
                yield Path(member.name).name, file.read()


def _brat(files: Iterable[tuple[str, bytes]]) -> list[Marked]:
    texts: dict[str, str] = {}
    notes: dict[str, str] = {}
    for name, data in files:
        stem, dot, ending = name.rpartition(".")
        if dot and ending in {"txt", "ann"}:
            (texts if ending == "txt" else notes)[stem] = data.decode("utf-8")
    if not texts or set(texts) - set(notes):
        raise SourceError("every .txt needs an .ann of the same name beside it (BRAT)")
    return [
        Marked(name, text, "es", tuple(_brat_marks(text, notes[name])))
        for name, text in sorted(texts.items())
    ]


def _brat_marks(text: str, lines: str) -> Iterator[Mark]:
    for line in lines.splitlines():
        if not line.startswith("T"):
            continue
        label, *places = line.split("\t")[1].replace(";", " ").split()
        numbers = list(map(int, places))
        for start, end in zip(numbers[::2], numbers[1::2], strict=True):
            yield _mark(text, start, end, label, MEDDOCAN_QUASI)


def _mark(text: str, start: int, end: int, label: str, quasi: frozenset[str]) -> Mark:
    if not 0 <= start < end <= len(text):
        raise SourceError("a mark lies outside its text: are the texts those that were marked?")
    direct = label not in quasi
    if label in _NUMBERED and not any(map(str.isdigit, text[start:end])):
        direct = False  # a number's label on words ("Lactante"): nothing that leads to a person
    if label in _AGES:
        direct = any(89 < int(n) < 130 for n in _NUMBER.findall(text[start:end]))
    return Mark(start, end, label, direct)


def _json(path: Path) -> list[Marked]:
    try:
        raw = path.read_text("utf-8")
        rows = json.loads(raw) if path.suffix == ".json" else list(map(json.loads, raw.split("\n")))
        return [_row(n, row) for n, row in enumerate(rows)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        wanted = (
            '[{"full_text": ..., "spans": [{"entity_type", "start_position", "end_position"}]}]'
        )
        raise SourceError(f"not a list of marked texts: it must look like {wanted}") from error


def _row(n: int, row: dict[str, Any]) -> Marked:
    text = str(row["full_text"])
    lang: Lang = "es" if row.get("lang") == "es" else "en"
    marks = tuple(
        _mark(
            text,
            int(s["start_position"]),
            int(s["end_position"]),
            str(s["entity_type"]),
            JSON_QUASI,
        )
        for s in row["spans"]
    )
    return Marked(str(n), text, lang, marks, str(row.get("origin", "")), bool(row.get("trap")))
