"""Files that somebody hands in: bombs, entities, wrong names, links out of the folder."""

import gzip
import io
import json
import os
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from attack_help import leaks
from euthymia.app.clinic import Clinic
from euthymia.app.export import export_subject
from euthymia.app.ingest import run_ingest
from euthymia.ground.errors import EuthymiaError
from euthymia.sources.database import opened_database, run_script
from memory_peak import grown_by
from reading import items_of, read, rejects
from small_clinic import MINE, subject_of

MEMORY_MIB = 400
ROW = "timestamp,date,activity\n2024-05-01 12:00:00,2024-05-01,5\n"


def bomb(path: Path, mib: int) -> None:
    engine = zlib.compressobj(9, wbits=31)
    block = b"0" * (1 << 20)
    path.write_bytes(b"".join(engine.compress(block) for _ in range(mib)) + engine.flush())


def nested_zip(path: Path) -> None:
    data = b"0" * (8 << 20)
    for level in range(6):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for i in range(8):
                archive.writestr(f"{level}-{i}.zip" if level else f"{i}.csv", data)
        data = buffer.getvalue()
    path.write_bytes(data)


def overlapping_zip(path: Path) -> None:
    """Write an archive whose members all have the same bytes in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * (9 << 20))
    raw = bytearray(buffer.getvalue())
    start = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entry, tail = bytes(raw[start:end]), bytearray(raw[end:])
    count = 2000
    tail[8:10] = tail[10:12] = count.to_bytes(2, "little")
    tail[12:16] = (len(entry) * count).to_bytes(4, "little")
    path.write_bytes(bytes(raw[:start]) + entry * count + bytes(tail))


def xml(body: str, name: str = "") -> Callable[[Path], None]:
    return lambda path: path.write_text(f'<?xml version="1.0"?>{name}{body}', encoding="utf-8")


ENTITIES = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
LAUGHS = xml(
    "<HealthData>&l9;</HealthData>", f'<!DOCTYPE HealthData [<!ENTITY l0 "ha">{ENTITIES}]>'
)
QUADRATIC = xml(
    f"<HealthData>{'&a;' * 50_000}</HealthData>",
    f'<!DOCTYPE HealthData [<!ENTITY a "{"a" * 50_000}">]>',
)
BOMBS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "gzip": ("a.csv.gz", lambda p: bomb(p, 90)),
    "gzip of json": ("a.json.gz", lambda p: bomb(p, 90)),
    "zip in zip": ("a.zip", nested_zip),
    "overlapping zip": ("a.zip", overlapping_zip),
    "million laughs": ("export.xml", LAUGHS),
    "quadratic blow-up": ("export.xml", QUADRATIC),
    "deep xml": ("export.xml", xml("<HealthData>" + "<a>" * 200_000)),
    "endless attribute": ("export.xml", xml(f'<HealthData><Record a="{"x" * (24 << 20)}"/>')),
    "deep json": ("a.json", lambda p: p.write_text(
        '{"resourceType":"Bundle","entry":' + "[" * 10**6)),
    "deep object": ("a.json", lambda p: p.write_text(
        '{"resourceType":"Bundle","entry":[' + '{"resource":' * 10**5)),
    "huge number": ("a.json", lambda p: p.write_text(
        '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","valueInteger":'
        + "9" * 1_000_000 + "}}]}")),
    "huge exponent": ("a.json", lambda p: p.write_text(
        '{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation",'
        '"valueQuantity":{"value":1e999999999}}}]}')),
    "wide csv": ("a.csv", lambda p: p.write_text("timestamp,activity" + ",x" * 500_000 + "\n1\n")),
    "open quote": ("a.csv", lambda p: p.write_text(ROW + '"' + "x,\n" * 300_000)),
    "nul csv": ("a.csv", lambda p: p.write_bytes(ROW.encode() + b"\0" * (16 << 20))),
}  # fmt: skip


@pytest.mark.parametrize("name", BOMBS)
def test_bomb(name: str, tmp_path: Path):
    """Hands in a small file that becomes gigabytes, or hours, when it is read."""
    folder = tmp_path / "in"
    folder.mkdir()
    file, make = BOMBS[name]
    make(folder / file)
    (folder / "zz_good.csv").write_text(ROW)
    got, grown = grown_by(lambda: read(folder))
    assert grown < MEMORY_MIB
    assert any(rejects(items) for _, items in got)
    assert any(r.file_name.endswith("zz_good.csv") and r.rows_in == 1 for r, _ in got)
    for reason in (r for _, items in got for r in rejects(items)):
        assert len(reason) < 1000


@pytest.mark.parametrize(
    "dtd",
    ['<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY x SYSTEM "http://evil.example/x">',
     '<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;', '<!ENTITY x "text">'],
)  # fmt: skip
def test_external_entity(dtd: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Names a file of the server in an XML entity, wants it read into the record."""
    called: list[object] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: called.append(a) or [])
    xml("<HealthData><Me a='&x;'/>&x;</HealthData>", f"<!DOCTYPE HealthData [{dtd}]>")(
        tmp_path / "export.xml"
    )
    [(_, items)] = read(tmp_path)
    assert rejects(items)
    assert "root:" not in repr(items)
    assert called == []


def test_external_document_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Points the document type to their own machine, wants to be called."""
    called: list[object] = []
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: called.append(a) or [])
    xml("<HealthData/>", '<!DOCTYPE HealthData SYSTEM "http://evil.example/x.dtd">')(
        tmp_path / "export.xml"
    )
    list(read(tmp_path))
    assert called == []


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """Return a folder beside the one that is handed in, which has to stay as it is."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "2024-05-01.txt").write_text("The minister was seen in the ward.\n")
    before = sorted((p.name, p.read_bytes()) for p in folder.rglob("*") if p.is_file())
    yield folder
    assert sorted((p.name, p.read_bytes()) for p in folder.rglob("*") if p.is_file()) == before


NAMES = ("../outside/x.csv", "/{outside}/x.csv", "..\\..\\outside\\x.csv", "a/../../outside/x.csv",
         "\x1b]0;x\x07.csv", "x\ny.csv", "C:\\x.csv", "con.csv", "....//....//x.csv")  # fmt: skip


def test_path_traversal_by_a_name_in_a_zip(tmp_path: Path, outside: Path):
    """Hands in an archive whose names lead out of it, wants a file written or read elsewhere."""
    folder = tmp_path / "in"
    folder.mkdir()
    with zipfile.ZipFile(folder / "a.zip", "w") as archive:
        for name in NAMES:
            archive.writestr(name.format(outside=outside), ROW)
        link = zipfile.ZipInfo("link.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(outside / "2024-05-01.txt"))
    before = {str(p) for p in tmp_path.rglob("*")}
    got = read(folder)
    assert len(got) >= 8
    for reading, items in got:
        assert reading.file_name.isprintable()
        assert ".." not in reading.file_name.split("/")
        assert "minister" not in repr(items)
    assert {str(p) for p in tmp_path.rglob("*")} == before


def test_path_traversal_by_a_name_in_a_tar(tmp_path: Path, outside: Path):
    """Hands in marked notes as an archive whose names and links lead out of it."""
    from euthymia.gateway.deid.gold import read_gold

    path = tmp_path / "gold.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("../outside/evil.txt", str(outside / "evil.ann"), "ok/a.txt", "ok/a.ann"):
            data = b"T1\tNOMBRE 0 3\tAna" if name.endswith("ann") else b"Ana came."
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo(f"l{kind!r}.txt")
            link.type, link.linkname = kind, str(outside / "2024-05-01.txt")
            archive.addfile(link)
    try:
        found = list(read_gold(path))
    except EuthymiaError:
        found = []
    assert "minister" not in repr(found)


def test_link_out_of_the_ingest_folder(tmp_path: Path, outside: Path):
    """May drop files in the ingest folder; links another's note into their own record."""
    folder = tmp_path / "in" / "A1"
    folder.mkdir(parents=True)
    (folder / "2024-05-01.txt").symlink_to(outside / "2024-05-01.txt")
    (folder / "2024-05-02.txt").symlink_to("../../outside/2024-05-01.txt")
    (folder / "more").symlink_to(outside)
    (folder / "2024-05-03.txt").write_text("Sleeps better.")
    (folder / "2024-05-04.txt").symlink_to("2024-05-03.txt")  # stays inside: no harm
    told: dict[str, str] = {}
    items = items_of(tmp_path / "in", skipped=told.__setitem__)
    assert "minister" not in repr(items)
    assert repr(items).count("Sleeps better") == 2
    assert len(told) == 3


@pytest.mark.parametrize(
    "target", ["/dev/zero", "/dev/stdin", "/proc/self/environ", "/proc/self/mem"]
)
def test_link_to_a_device(tmp_path: Path, target: str):
    """Links an endless or secret device into the ingest folder."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "2024-05-01.txt").symlink_to(target)
    assert "PATH=" not in repr(items_of(folder))


def test_export_into_a_linked_folder(clinic: Clinic, tmp_path: Path, outside: Path):
    """Lays a link where an export will be written, wants files overwritten or caught."""
    out = tmp_path / "export"
    out.symlink_to(outside)
    with pytest.raises(EuthymiaError):
        export_subject(clinic, subject_of(clinic, MINE), out)
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o777)
    export_subject(clinic, subject_of(clinic, MINE), empty)
    assert oct(empty.stat().st_mode)[-3:] == "700"  # nobody else looks in meanwhile


def test_names_of_files_as_a_way_to_the_ledger(clinic: Clinic, tmp_path: Path):
    """Names a file after a person, wants the name readable in the home."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "Ottoline-Fennimore-2024.csv").write_text(ROW.replace("5", "Quillibrace"))
    (folder / "E-77").mkdir()
    (folder / "E-77" / "2024-05-01.txt").write_text("Ottoline Fennimore came late.")
    run_ingest(clinic, [folder], None, "E-77", lambda *_: None)
    assert leaks(clinic.home.path, ["Fennimore", "Quillibrace", "came late"]) == []


def test_same_name_in_another_case_or_alphabet(clinic: Clinic, tmp_path: Path):
    """Registers with an identifier that only looks like another's, wants to be joined to them."""
    mine = subject_of(clinic, MINE)
    patients = [
        {"resource": {"resourceType": "Patient", "id": str(n), "name": [{"text": "Evil Twin"}],
                      "birthDate": "1970-07-07",
                      "identifier": [{"system": "urn:euthymia:mrn", "value": value}]}}
        for n, value in enumerate(
            ("MRN-1\u200b", "\uff2dRN-1", "MRN-1\u0301", "M\u0420N-1", "MRN-1"))
    ]  # fmt: skip
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": patients}
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(json.dumps(bundle).encode()))
    told = run_ingest(clinic, [tmp_path / "b.json.gz"], None, None, lambda *_: None)
    assert any("birth" in r["reason"] for r in told["rejects"])
    from euthymia.ground.audit import Actor, Entry, Purpose

    audit = Entry(Actor("test", "shell"), "look", Purpose.CARE, mine)
    assert clinic.store.person(mine, audit).name == "Person 1"


def test_reading_leaves_no_open_files(tmp_path: Path):
    """Hands in thousands of broken archives, wants the server to run out of descriptors."""
    for n in range(40):
        (tmp_path / f"{n}.zip").write_bytes(b"PK\x03\x04" + os.urandom(50))
        (tmp_path / f"{n}.csv.gz").write_bytes(b"\x1f\x8b\x08" + os.urandom(50))
        (tmp_path / f"{n}.db").write_bytes(b"SQLite format 3\0" + os.urandom(50))
    before = len(list(Path("/proc/self/fd").iterdir()))
    read(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + 2


def test_database_of_a_patient_left_behind_by_a_kill(tmp_path: Path, monkeypatch):
    """Waits for a power cut while an export is unpacked, looks through the temporary folder."""
    database, secret, seen = tmp_path / "export.db", "Lithium Wobbegong", []
    run_script(database, f"CREATE TABLE notes(text); INSERT INTO notes VALUES('{secret}');")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    class Export:
        cut = False

        def chunks(self):
            whole = database.read_bytes()
            for start in range(0, len(whole), 512):
                yield whole[start : start + 512]
                seen.extend(f for f in (tmp_path / "temporary").rglob("*") if f.is_file())

    with opened_database(Export()) as (opened, tables):
        assert tables == {"notes": ("text",)}
        assert opened.execute("SELECT text FROM notes").fetchone() == (secret,)
        seen.extend(f for f in (tmp_path / "temporary").rglob("*") if f.is_file())
    assert seen == []
