"""Depresjon `scores.csv`: who the recorded people are, and their MADRS before and after."""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.codes import MADRS_TOTAL, OWN
from euthymia.ground.ids import device_id
from euthymia.ground.records import Item, Reject
from euthymia.sources.cells import Column, Kind
from euthymia.sources.contract import Opened, Source
from euthymia.sources.shapes import Facts
from euthymia.sources.table import Chunk, Layout, fits, read_table

# Garcia-Ceja et al. 2018, doi:10.1145/3204949.3208125
_WORDS: Final = {
    "gender": {1: "female", 2: "male"},
    "afftype": {1: "bipolar II", 2: "unipolar depressive", 3: "bipolar I"},
    "melanch": {1: "melancholia", 2: "no melancholia"},
    "inpatient": {1: "inpatient", 2: "outpatient"},
    "marriage": {1: "married or cohabiting", 2: "single"},
    "work": {1: "working or studying", 2: "unemployed, sick leave or pension"},
}
_NUMBERS: Final = ("days", *_WORDS)
_TEXTS: Final = ("age", "edu")
_MADRS: Final = {"madrs1": "before", "madrs2": "after"}

_LAYOUT: Final = Layout(
    (
        Column("number", ("number",), Kind.TEXT),
        *(Column(n, (n,), nullable=True) for n in (*_NUMBERS, *_MADRS)),
        *(Column(n, (n,), Kind.TEXT, nullable=True) for n in _TEXTS),
    )
)


def _recognise(_path: PurePath, head: bytes) -> float:
    return 1.0 if fits(_LAYOUT, head) else 0.0


def _read(opened: Opened) -> Iterator[Item]:
    for found in read_table(opened, _LAYOUT):
        if isinstance(found, Reject):
            yield found
        else:
            yield from _facts(found).take()


def _facts(chunk: Chunk) -> Facts:
    """Return facts without a time (the file has no dates) about the people of the counts."""
    facts = Facts(SOURCE.name)
    columns = {name: cells.to_pylist() for name, cells in chunk.columns.items()}
    for i, row in enumerate(chunk.rows.tolist()):
        who = device_id("actigraph", columns["number"][i])
        facts.add(row, who, OWN + "depresjon.number", text="in the study")
        for name in _NUMBERS:
            value = columns[name][i]
            if value is not None:
                word = _WORDS.get(name, {}).get(int(value))
                unit = "d" if name == "days" else None
                facts.add(row, who, f"{OWN}depresjon.{name}", number=value, text=word, unit=unit)
        for name in _TEXTS:
            if columns[name][i] is not None:
                facts.add(row, who, f"{OWN}depresjon.{name}", text=columns[name][i])
        for name, when in _MADRS.items():
            if columns[name][i] is not None:
                facts.add(row, who, MADRS_TOTAL, number=columns[name][i], text=when, unit="{score}")
    return facts


def _example(folder: Path) -> None:
    (folder / "scores.csv").write_text(
        "number,days,gender,age,afftype,melanch,inpatient,edu,marriage,work,madrs1,madrs2\n"
        "condition_1,11,2,35-39,2,2,2,6-10,1,2,19,19\n"
        "control_1,8,2,25-29,NA,NA,NA,,NA,NA,NA,NA\n",
        encoding="utf-8",
    )


SOURCE = Source(
    name="depresjon_scores",
    title="Depresjon: people and MADRS scores",
    formats=("scores.csv",),
    recognise=_recognise,
    read=_read,
    example=_example,
    headers=(tuple(c.aliases[0] for c in _LAYOUT.columns),),
)
