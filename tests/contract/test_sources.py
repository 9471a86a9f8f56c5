"""What every data source must do, found by discovery: a new reader gets these for free."""

import gzip
import random
import re
from pathlib import Path

import pytest

from euthymia.ground import schemas
from euthymia.ground.audit import Purpose
from euthymia.ground.ids import DEVICE_SYSTEM
from euthymia.ground.records import (
    Directory,
    Grant,
    Item,
    Observations,
    Person,
    Reject,
    Samples,
)
from euthymia.sources.contract import Source
from euthymia.sources.open import UNKNOWN, sources
from euthymia.sources.shapes import OBSERVATION_ROWS
from reading import assert_accounted, items_of, read, rejects, rows_named

EVERY = pytest.mark.parametrize("source", sources().values(), ids=lambda s: s.name)
CODE = re.compile(r"[A-Za-z0-9-]+/\S+|\S+\|\S+")
URI = re.compile(r"[a-z][a-z0-9+.-]*:\S+")


def _example(source: Source, folder: Path) -> Path:
    home = folder / "example-clinic"
    home.mkdir()
    source.example(home)
    return home


def _files(home: Path) -> list[Path]:
    return sorted(path for path in home.rglob("*") if path.is_file())


@EVERY
def test_the_example_reads_back_whole(source: Source, tmp_path: Path) -> None:
    found = read(_example(source, tmp_path))
    assert found
    for reading, items in found:
        assert reading.source == source.name
        assert rejects(items) == []
        assert reading.rows_in > 0
        assert_accounted(reading, items)


@EVERY
def test_tables_have_the_agreed_columns_and_codes(source: Source, tmp_path: Path) -> None:
    for item in items_of(_example(source, tmp_path)):
        if isinstance(item, Samples):
            assert item.table.schema == schemas.STREAMS[item.stream].border_schema
        elif isinstance(item, Observations):
            assert item.table.schema == OBSERVATION_ROWS
            columns = item.table.to_pydict()
            assert set(columns["purpose"]) <= set(Purpose)
            assert set(columns["source"]) == {source.name}
            assert all(CODE.fullmatch(code) for code in columns["code"])
        else:
            continue
        item.table.validate(full=True)
        required = [field.name for field in item.table.schema if not field.nullable]
        assert all(item.table.column(name).null_count == 0 for name in required)


def _systems(item: Item) -> list[str]:
    """Return the systems of the identifiers that an item gives of people."""
    if isinstance(item, Observations | Samples):
        return [item.system]
    if isinstance(item, Person):
        return [known.system for known in item.identifiers]
    return [] if item.who is None else [item.who.system]


@EVERY
def test_people_are_known_by_identifiers_that_others_can_name(
    source: Source, tmp_path: Path
) -> None:
    """A bare name as the system would make the same device another person in silence."""
    found = [i for i in items_of(_example(source, tmp_path)) if not isinstance(i, Directory)]
    systems = {system for item in found for system in _systems(item)}
    assert [system for system in systems if not URI.fullmatch(system)] == []
    own = {s.removeprefix(DEVICE_SYSTEM) for s in systems if s.startswith(DEVICE_SYSTEM)}
    assert own <= set(sources()), "take the system from device_id"


@EVERY
def test_reading_is_deterministic(source: Source, tmp_path: Path) -> None:
    home = _example(source, tmp_path)
    first, second = read(home), read(home)
    assert [r.digest for r, _ in first] == [r.digest for r, _ in second]
    assert [repr(items) for _, items in first] == [repr(items) for _, items in second]


@EVERY
def test_content_and_owner_are_in_the_digest(source: Source, tmp_path: Path) -> None:
    home = _example(source, tmp_path)
    before = {reading.digest for reading, _ in read(home)}
    assert before.isdisjoint(reading.digest for reading, _ in read(home, subject="another"))
    for path in _files(home):
        path.write_bytes(path.read_bytes() + b"\n ")
    assert before.isdisjoint(reading.digest for reading, _ in read(home))


@EVERY
def test_a_packed_file_says_the_same(source: Source, tmp_path: Path) -> None:
    home = _example(source, tmp_path)
    plain = [(r.source, r.rows_in, repr(items)) for r, items in read(home)]
    for path in _files(home):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert [(r.source, r.rows_in, repr(items)) for r, items in read(home)] == plain


@EVERY
def test_windows_line_ends_and_a_byte_order_mark_change_nothing(
    source: Source, tmp_path: Path
) -> None:
    home = _example(source, tmp_path)
    texts = [p for p in _files(home) if p.suffix in {".csv", ".json", ".ndjson", ".txt"}]
    before = [rows_named(items) for _, items in read(home)]
    for path in texts:
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    after = read(home)
    assert [rows_named(items) for _, items in after] == before
    assert [reason for _, items in after for reason in rejects(items)] == []


@EVERY
def test_an_empty_file_is_told(source: Source, tmp_path: Path) -> None:
    home = _example(source, tmp_path)
    for path in _files(home):
        path.write_bytes(b"")
    for reading, items in read(home):
        assert_accounted(reading, items)
        # a file of button presses may be empty; every other is refused
        assert rejects(items) or "tags" in reading.file_name


@EVERY
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_gzip_is_told_and_what_came_before_is_kept(
    source: Source, share: float, tmp_path: Path
) -> None:
    home = _example(source, tmp_path)
    for path in _files(home):
        noise = random.Random(1).randbytes(4000).hex().encode()
        whole = gzip.compress(path.read_bytes() + b"\n" + noise)
        path.with_name(path.name + ".gz").write_bytes(whole[: int(len(whole) * share)])
        path.unlink()
    for reading, items in read(home):
        assert_accounted(reading, items)
        assert any("early" in reason for reason in rejects(items)), rejects(items)


@EVERY
@pytest.mark.parametrize("seed", range(8))
def test_garbled_input_never_stops_the_run(source: Source, seed: int, tmp_path: Path) -> None:
    home = _example(source, tmp_path)
    chance = random.Random(seed)
    for path in _files(home):
        data = bytearray(path.read_bytes())
        for _ in range(chance.randint(1, 12)):
            at = chance.randrange(max(len(data), 1))
            if chance.random() < 0.5:
                data[at : at + 1] = chance.randbytes(1)
            else:
                del data[at : at + chance.randint(1, 9)]
        path.write_bytes(bytes(data))
    for reading, items in read(home):
        assert_accounted(reading, items)


@EVERY
def test_a_bad_neighbour_does_not_matter(source: Source, tmp_path: Path) -> None:
    home = _example(source, tmp_path)
    whole = [repr(items) for _, items in read(home)]
    (home / "aaa_garbage.bin").write_bytes(random.Random(2).randbytes(5000))
    found = read(home)
    assert [repr(items) for reading, items in found if reading.source != UNKNOWN] == whole
    unknown = [items for reading, items in found if reading.source == UNKNOWN]
    assert [type(item) for items in unknown for item in items] == [Reject]


@EVERY
def test_a_source_says_what_its_files_look_like(source: Source) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", source.name)
    assert source.title
    assert source.formats


def test_identities_and_consents_come_first(tmp_path: Path) -> None:
    for source in sources().values():
        home = tmp_path / source.name
        home.mkdir()
        source.example(home)
    order = [(reading.source, items) for reading, items in read(tmp_path)]
    last_identity = max(i for i, (name, _) in enumerate(order) if sources()[name].order == 0)
    assert all(sources()[name].order == 0 for name, _ in order[:last_identity])
    assert not any(isinstance(i, Grant) for _, items in order[last_identity + 1 :] for i in items)
    assert {name for name, _ in order} == set(sources())
