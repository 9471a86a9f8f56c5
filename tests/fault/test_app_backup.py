"""Backup and restore: whole or not at all, nobody's but the clinic's own, and nobody comes back."""

import base64
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from euthymia.app import copies, tombstones
from euthymia.app.backup import _write_manifest, back_up
from euthymia.app.clinic import Clinic
from euthymia.app.config import ClinicConfig, Config
from euthymia.app.people import erase_subject
from euthymia.app.restore import Wish, read_manifest, restore
from euthymia.app.verify import verify_home
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError, MissingError
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Person
from euthymia.security.keys import Keyring
from small_clinic import MRN
from stores import facts as notes

TEST = Actor("test", "shell")
SENTINEL = "Zebulon-Quartermain"
AUDIT = Entry(TEST, "test", Purpose.CARE)


def nothing(_done: int, _of: int) -> None:
    pass


def put(clinic: Clinic, number: int, name: str) -> None:
    who = f"MRN-{name}-{number}"
    items = [
        Person(1, (SourceId(MRN, who),), name, address=f"{name} street"),
        notes([{"row": 2, "subject_id": who, "code": "EUTHYMIA/note", "text_value": name * 9}]),
    ]
    batch = clinic.gateway().admit(
        items, source="test", file_name=f"{name}/{who}.json", file_digest=f"{number}{name}"
    )
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    made = Clinic.create(tmp_path / "home", Config(clinic=ClinicConfig(name="Test")))
    for number, name in enumerate(("Ada", SENTINEL, "Carl")):
        put(made, number, name)
    yield made
    made.close()


def test_a_list_that_a_crash_left_behind_is_told_and_mended(clinic: Clinic) -> None:
    home = clinic.home
    erase_subject(clinic, the(clinic))
    clinic.close()
    whole = home.tombstones.read_bytes()
    home.tombstones.unlink()
    assert "lacks some" in "; ".join(verify_home(home.path, nothing))
    Clinic.open(home.path).close()
    assert home.tombstones.read_bytes() != b""
    assert verify_home(home.path, nothing) == []
    broken = bytes([whole[0] ^ 1, *whole[1:]])  # what is not the clinic's own is kept, as evidence
    home.tombstones.write_bytes(broken)
    Clinic.open(home.path).close()
    assert home.tombstones.read_bytes() == broken


def the(clinic: Clinic, number: int = 1, name: str = SENTINEL) -> str:
    return clinic.resolve(f"MRN-{name}-{number}")


def wish(clinic: Clinic, **more: object) -> Wish:
    return Wish(master=clinic.home.keys / "master.key", **more)  # type: ignore[arg-type]


def names(home: Path) -> list[str | None]:
    with Clinic.opened(home) as clinic:
        store = clinic.store
        return sorted(str(store.person(s, AUDIT).name) for s in store.subjects(AUDIT))


def forms(word: str) -> list[bytes]:
    """Return a word as it may lie about: UTF-8, UTF-16, base64 at each of three offsets, hex."""
    raw = word.encode()
    encoded = [base64.b64encode(b"\0" * skip + raw)[4 if skip else 0 : -4] for skip in range(3)]
    return [raw, word.encode("utf-16-le"), word.encode("utf-16-be"), raw.hex().encode(), *encoded]


def found(folder: Path, words: list[bytes]) -> list[str]:
    files = [p for p in folder.rglob("*") if p.is_file()]
    held = [f.name for f in files if any(w in f.read_bytes() for w in words)]
    return held + [f.name for f in files if any(w in f.name.encode() for w in words)]


def opened(clinic: Clinic) -> bytes:
    """Return everything that the keys of a clinic open: pages, profiles, blocks, names, ledger."""
    db, store = clinic.store._db, clinic.store
    tables = [name for (name,) in db.all("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    parts = [repr(db.all(f"SELECT * FROM {name}")).encode() for name in tables]
    for subject in store.subjects(AUDIT):
        parts.append(repr(store.person(subject, AUDIT)).encode())
        parts.append(repr(store.observations(subject, AUDIT).to_pydict()).encode())
    parts += [store._files.name(name).encode() for (name,) in db.all("SELECT name FROM file")]
    parts += [repr(line).encode() for line in clinic.ledger.entries()]
    return b"\n".join(parts)


def test_a_restored_backup_is_the_clinic_as_it_was(clinic: Clinic, tmp_path: Path) -> None:
    made = back_up(clinic, tmp_path / "backup", with_root=False, progress=nothing)
    assert not (tmp_path / "backup" / "home" / "keys" / "master.key").exists()
    put(clinic, 7, "Later")
    result = restore(tmp_path / "backup", tmp_path / "new", wish(clinic), nothing)
    assert names(tmp_path / "new") == sorted(["Ada", SENTINEL, "Carl"])
    assert result["ledger_seq"] == made["ledger_seq"]
    assert verify_home(tmp_path / "new", nothing) == []
    assert verify_home(clinic.home.path, nothing) == []


def test_a_backup_with_its_root_needs_nothing_else(clinic: Clinic, tmp_path: Path) -> None:
    back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
    restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)
    assert len(names(tmp_path / "new")) == 3
    back_up(clinic, tmp_path / "bare", with_root=False, progress=nothing)
    clinic.close()
    (tmp_path / "home").rename(tmp_path / "lost")
    with pytest.raises(MissingError, match="master key"):
        restore(tmp_path / "bare", tmp_path / "new2", Wish(), nothing)
    assert not (tmp_path / "new2").exists()
    key = tmp_path / "lost" / "keys" / "master.key"
    restore(tmp_path / "bare", tmp_path / "new2", Wish(master=key), nothing)
    assert len(names(tmp_path / "new2")) == 3


def test_the_home_that_a_backup_is_of_says_who_was_erased(clinic: Clinic, tmp_path: Path) -> None:
    """Nobody names a list: the home that is still there is asked, if it is the same clinic."""
    back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
    erase_subject(clinic, the(clinic))
    (tmp_path / "backup" / "tombstones").unlink()
    result = restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)
    assert result["erased_again"] == 1
    assert result["entries_rolled_back"] > 0
    assert names(tmp_path / "new") == ["Ada", "Carl"]
    clinic.close()
    (tmp_path / "home").rename(tmp_path / "lost")
    Clinic.create(tmp_path / "home", Config()).close()  # another clinic at the same place
    result = restore(tmp_path / "backup", tmp_path / "new2", Wish(), nothing)
    assert result["erased_again"] == 0


def test_nothing_readable_lies_in_a_backup(clinic: Clinic, tmp_path: Path) -> None:
    back_up(clinic, tmp_path / "backup", with_root=False, progress=nothing)
    assert found(tmp_path / "backup", forms(SENTINEL)) == []
    assert SENTINEL.encode() in opened(clinic)  # it is there for who has the keys


def test_an_erased_person_is_nowhere_and_does_not_come_back(clinic: Clinic, tmp_path: Path) -> None:
    back_up(clinic, tmp_path / "before", with_root=False, progress=nothing)
    who = the(clinic)
    result = erase_subject(clinic, who)
    assert result["models"] == []
    words = forms(SENTINEL)
    assert found(clinic.home.path, words) == []
    content = opened(clinic)
    assert [w for w in words if w in content] == []
    listed = shutil.copy(clinic.home.tombstones, tmp_path / "list")
    back = restore(
        tmp_path / "before", tmp_path / "new", wish(clinic, lists=[Path(listed)]), nothing
    )
    assert back["erased_again"] == 1
    assert back["entries_rolled_back"] > 0
    assert found(tmp_path / "new", words) == []
    with Clinic.opened(tmp_path / "new") as restored:
        content = opened(restored)
        assert [w for w in words if w in content] == []
        assert b"Ada" in content
        with pytest.raises(MissingError):
            restored.resolve(who)
        put(restored, 1, SENTINEL)  # and is not taken in again
        with pytest.raises(MissingError):
            restored.resolve(f"MRN-{SENTINEL}-1")
        assert SENTINEL.encode() not in opened(restored)
    assert verify_home(tmp_path / "new", nothing) == []


def test_restoring_over_a_home_keeps_its_erasures_and_the_home(
    clinic: Clinic, tmp_path: Path
) -> None:
    back_up(clinic, tmp_path / "backup", with_root=False, progress=nothing)
    erase_subject(clinic, the(clinic))
    home = clinic.home.path
    with pytest.raises(EuthymiaError, match="--replace"):
        restore(tmp_path / "backup", home, Wish(), nothing)
    result = restore(tmp_path / "backup", home, Wish(replace=True), nothing)
    assert result["erased_again"] == 1
    assert result["entries_rolled_back"] > 0
    assert names(home) == ["Ada", "Carl"]
    assert verify_home(home, nothing) == []
    assert result["kept_beside"].is_dir()


def test_a_backup_is_restored_where_nothing_is_or_by_wish_alone(
    clinic: Clinic, tmp_path: Path
) -> None:
    back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("somebody's only copy")
    with pytest.raises(EuthymiaError, match="something at that place"):
        restore(tmp_path / "backup", other, Wish(), nothing)
    assert [p.name for p in other.iterdir()] == ["thesis.txt"]
    (tmp_path / "new").mkdir()  # as whoever prepares a disk makes it
    restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)
    assert len(names(tmp_path / "new")) == 3


def test_a_root_that_is_no_file_cannot_be_asked_for_and_is_not_missed(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keyring, "root_kind", property(lambda _: "passphrase"))
    with pytest.raises(EuthymiaError, match="nothing to copy"):
        back_up(clinic, tmp_path / "with", with_root=True, progress=nothing)
    assert not (tmp_path / "with").exists()
    back_up(clinic, tmp_path / "without", with_root=False, progress=nothing)
    assert not (tmp_path / "without" / "home" / "keys" / "master.key").exists()


def test_a_backup_of_another_format_is_refused_though_its_signature_holds(
    clinic: Clinic, tmp_path: Path
) -> None:
    """A later version's backup may hold what this one would leave out without a word."""
    back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
    manifest, _ = read_manifest(tmp_path / "backup")
    (tmp_path / "backup" / "manifest").unlink()
    later = msgspec.structs.replace(manifest, format=2)
    _write_manifest(tmp_path / "backup", later, clinic.keyring)
    with pytest.raises(IntegrityError):
        restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)
    assert not (tmp_path / "new").exists()
    (tmp_path / "backup" / "manifest").unlink()
    _write_manifest(tmp_path / "backup", manifest, clinic.keyring)
    restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)


def test_an_erasure_is_told_to_the_backups_that_are_there(clinic: Clinic, tmp_path: Path) -> None:
    for name in ("near", "far"):
        back_up(clinic, tmp_path / name, with_root=True, progress=nothing)
    (tmp_path / "far").rename(tmp_path / "away")
    result = erase_subject(clinic, the(clinic))
    assert result["backups_not_told"] == [str((tmp_path / "far").resolve())]
    clinic.close()
    shutil.rmtree(tmp_path / "home")  # nothing is left but the backups
    assert restore(tmp_path / "near", tmp_path / "new", Wish(), nothing)["erased_again"] == 1
    assert names(tmp_path / "new") == ["Ada", "Carl"]
    listed = tmp_path / "near" / "tombstones"
    lists = [listed]
    told = restore(tmp_path / "away", tmp_path / "new2", Wish(lists=lists), nothing)
    assert told["erased_again"] == 1
    listed.write_bytes(listed.read_bytes()[:-1] + b" ")
    with pytest.raises(IntegrityError, match="erased people"):
        restore(tmp_path / "near", tmp_path / "new3", Wish(), nothing)


def test_the_list_is_not_laid_where_the_backup_is_no_more(clinic: Clinic, tmp_path: Path) -> None:
    """The disk of a backup may be another's by now: who was erased is not for its owner."""
    back_up(clinic, tmp_path / "disk", with_root=False, progress=nothing)
    (tmp_path / "disk" / "manifest").unlink()
    before = sorted(p.name for p in (tmp_path / "disk").iterdir())
    result = erase_subject(clinic, the(clinic))
    assert result["backups_not_told"] == [str((tmp_path / "disk").resolve())]
    assert sorted(p.name for p in (tmp_path / "disk").iterdir()) == before


def test_a_backup_stays_known_though_another_is_begun_meanwhile(
    clinic: Clinic, tmp_path: Path
) -> None:
    def other_begins(step: int, _of: int) -> None:
        if step == 1:
            copies.remember(clinic.home, clinic.keyring, tmp_path / "other")

    back_up(clinic, tmp_path / "copy", with_root=False, progress=other_begins)
    assert str(tmp_path / "copy") in copies.places(clinic.home, clinic.keyring)


def test_a_changed_list_of_backups_is_found(clinic: Clinic, tmp_path: Path) -> None:
    back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
    data = bytearray(clinic.home.copies.read_bytes())
    data[len(data) // 2] ^= 1
    clinic.home.copies.write_bytes(bytes(data))
    assert any("list of backups" in found for found in verify_home(clinic.home.path, nothing))


def test_a_list_that_was_changed_or_is_foreign_is_refused(clinic: Clinic, tmp_path: Path) -> None:
    back_up(clinic, tmp_path / "backup", with_root=False, progress=nothing)
    erase_subject(clinic, the(clinic))
    good = clinic.home.tombstones.read_bytes()
    for place in range(0, len(good), 7):
        bad = bytearray(good)
        bad[place] ^= 1
        (tmp_path / "list").write_bytes(bytes(bad))
        clinic.home.tombstones.write_bytes(bytes(bad))
        with pytest.raises(IntegrityError, match="erased people"):
            tombstones.read(tmp_path / "list", clinic.keyring)
    assert any("erased people" in found for found in verify_home(clinic.home.path, nothing))
    with pytest.raises(IntegrityError, match="erased people"):
        restore(
            tmp_path / "backup", tmp_path / "x", wish(clinic, lists=[tmp_path / "list"]), nothing
        )
    assert not (tmp_path / "x").exists()


def test_every_file_of_a_backup_is_vouched_for(clinic: Clinic, tmp_path: Path) -> None:
    good = tmp_path / "backup"
    back_up(clinic, good, with_root=True, progress=nothing)

    def refused(change: Callable[[Path], object]) -> bool:
        bad = tmp_path / "bad"
        shutil.copytree(good, bad)
        change(bad)
        try:
            restore(bad, tmp_path / "new", Wish(), nothing)
        except (IntegrityError, MissingError):
            return not (tmp_path / "new").exists()
        finally:
            shutil.rmtree(bad)
        return False

    def flip(name: str, place: int) -> Callable[[Path], object]:
        def change(folder: Path) -> None:
            data = bytearray((folder / name).read_bytes())
            data[place % len(data)] ^= 4
            (folder / name).write_bytes(bytes(data))

        return change

    files = [p.relative_to(good).as_posix() for p in sorted(good.rglob("*")) if p.is_file()]
    for name in files:
        if (good / name).stat().st_size:
            assert refused(flip(name, 0)), name
            assert refused(flip(name, -1)), name
        if name != "manifest":
            assert refused(lambda folder, name=name: (folder / name).unlink()), name
    for place in range(0, 400, 23):
        assert refused(flip("manifest", place)), place
    assert refused(lambda folder: (folder / "home" / "extra").write_text("x"))
    assert refused(lambda folder: (folder / "home" / "l").symlink_to("/etc/passwd"))
    assert refused(lambda folder: (folder / "manifest").unlink())


def test_a_backup_signed_by_others_is_refused(clinic: Clinic, tmp_path: Path) -> None:
    back_up(clinic, tmp_path / "ours", with_root=False, progress=nothing)
    other = Clinic.create(tmp_path / "other", Config())
    back_up(other, tmp_path / "theirs", with_root=False, progress=nothing)
    other.close()
    with pytest.raises(IntegrityError):  # our key does not open theirs
        restore(tmp_path / "theirs", tmp_path / "new", wish(clinic), nothing)
    (tmp_path / "ours" / "manifest").write_bytes((tmp_path / "theirs" / "manifest").read_bytes())
    with pytest.raises(IntegrityError, match="changed"):
        restore(tmp_path / "ours", tmp_path / "new", wish(clinic), nothing)
    assert not (tmp_path / "new").exists()


def test_a_backup_put_together_from_two_of_one_clinic_is_refused(
    clinic: Clinic, tmp_path: Path
) -> None:
    earlier, later = tmp_path / "earlier", tmp_path / "later"
    back_up(clinic, earlier, with_root=False, progress=nothing)
    back_up(clinic, later, with_root=False, progress=nothing)
    names = [p.relative_to(later).as_posix() for p in later.rglob("*") if p.is_file()]
    differ = [
        name
        for name in names
        if (earlier / name).is_file()
        and (earlier / name).read_bytes() != (later / name).read_bytes()
    ]
    assert "manifest" in differ
    assert len(differ) > 1
    for name in differ:
        own = (later / name).read_bytes()
        (later / name).write_bytes((earlier / name).read_bytes())
        with pytest.raises(IntegrityError):
            restore(later, tmp_path / "new", wish(clinic), nothing)
        assert not (tmp_path / "new").exists()
        (later / name).write_bytes(own)


def test_a_backup_is_written_only_where_nothing_is(clinic: Clinic, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("x")
    with pytest.raises(EuthymiaError, match="already"):
        back_up(clinic, tmp_path / "full", with_root=False, progress=nothing)
    with pytest.raises(EuthymiaError, match="lost with it"):
        back_up(clinic, clinic.home.path / "backup", with_root=False, progress=nothing)


PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from euthymia.app import tombstones
from euthymia.app.backup import _write_manifest, back_up
from euthymia.app.clinic import Clinic
from euthymia.app.restore import Wish, restore
what, home, other = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
quiet = lambda done, of: None
if what == "write":
    from test_app_backup import put
    with Clinic.opened(home) as clinic:
        for number in range(1000):
            if number == 2:
                print("ready", flush=True)
            put(clinic, 100 + number, "Busy")
if what == "backup":
    with Clinic.opened(home) as clinic:
        print("ready", flush=True)
        for number in range(1000):
            back_up(clinic, other / str(number), with_root=True, progress=quiet)
if what == "restore":
    print("ready", flush=True)
    for number in range(1000):
        restore(other, home.parent / "again" / str(number), Wish(), quiet)
"""


def run(what: str, home: Path, other: Path) -> subprocess.Popen[bytes]:
    path = [str(Path(__file__).parent), *sys.path]
    program = f"import sys; sys.path = {path!r}\n{PROGRAM}"
    child = subprocess.Popen(
        [sys.executable, "-c", program, what, str(home), str(other)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def kill(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert child.stdout is not None
    child.stdout.close()


def test_backups_taken_while_others_write_are_consistent(clinic: Clinic, tmp_path: Path) -> None:
    child = run("write", clinic.home.path, tmp_path)
    try:
        for number in range(4):
            back_up(clinic, tmp_path / f"b{number}", with_root=True, progress=nothing)
    finally:
        kill(child)
    counts = []
    for number in range(4):  # each verifies whole, ledger against database
        restore(tmp_path / f"b{number}", tmp_path / f"n{number}", Wish(), nothing)
        counts.append(len(names(tmp_path / f"n{number}")))
    assert counts == sorted(counts)
    assert counts[-1] > 3


@pytest.mark.parametrize("delay_ms", [20, 60, 130])
def test_a_killed_backup_is_no_backup(clinic: Clinic, tmp_path: Path, delay_ms: int) -> None:
    other = tmp_path / "backups"
    other.mkdir()
    child = run("backup", clinic.home.path, other)
    time.sleep(delay_ms / 1000)
    kill(child)
    for number, folder in enumerate(sorted(other.iterdir())):
        try:
            restore(folder, tmp_path / f"n{number}", Wish(), nothing)
        except (MissingError, IntegrityError):
            assert folder.name.startswith(".")  # unfinished, and refused
    assert verify_home(clinic.home.path, nothing) == []


@pytest.mark.parametrize("delay_ms", [30, 90, 200])
def test_a_killed_restore_leaves_no_home_or_a_whole_one(
    clinic: Clinic, tmp_path: Path, delay_ms: int
) -> None:
    back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
    child = run("restore", clinic.home.path, tmp_path / "backup")
    time.sleep(delay_ms / 1000)
    kill(child)
    again = tmp_path / "again"
    for folder in again.iterdir() if again.exists() else ():
        if not folder.name.startswith("."):
            assert verify_home(folder, nothing) == []
    restore(tmp_path / "backup", again / "last", Wish(), nothing)
    assert len(names(again / "last")) == 3
