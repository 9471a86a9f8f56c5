"""The clinic's files in other hands: stolen, rolled back, edited by somebody who may write them."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts_help import SHELL
from attack_help import leaks
from euthymia.app import tombstones
from euthymia.app.backup import back_up
from euthymia.app.clinic import Clinic
from euthymia.app.ingest import run_ingest
from euthymia.app.people import erase_subject
from euthymia.app.restore import Wish, restore
from euthymia.app.verify import verify_home
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import EuthymiaError
from euthymia.ground.ids import SourceId
from euthymia.ground.records import Grant, Item, Person
from euthymia.models.registry import Registry
from euthymia.security.keys import Keyring
from euthymia.security.pseudonym import blind_index, contact_hash, pseudonym
from small_clinic import (
    DOCTOR,
    MINE,
    MRN,
    NOW,
    TASK,
    copied_clinic,
    decide_consent,
    subject_of,
    trained,
)
from stores import facts

TEST = Actor("test", "shell")
STAFF = "dr-bartholomew"
PLANTED = {
    "name": "Thaddeus Mxyzptlk",
    "address": "9 Wobbegong Crescent",
    "telecom": "+44 7700 900461",
    "site": "Ward Zephyrine",
    "care_team": "dr-quintessa",
    "identifier": "MRN-ZZ-4477-Q",
    "race": "Sentinelese-kin",
    "note": "He hides his lithium in the piano",
    "grant": "signed at the fishmonger",
    "file": "mxyzptlk-scans-2025",
}


def nothing(_done: int, _of: int) -> None:
    pass


def plant(clinic: Clinic) -> None:
    """Take in a person with a sentinel in every field there is."""
    who = SourceId(MRN, PLANTED["identifier"])
    items: list[Item] = [
        Person(
            1,
            (who,),
            PLANTED["name"],
            address=PLANTED["address"],
            telecom=(PLANTED["telecom"],),
            site=PLANTED["site"],
            care_team=(PLANTED["care_team"],),
        ),
        Grant(2, who, (Purpose.MONITORING,), permit=True, at=NOW),
        facts(
            [{"row": 3, "subject_id": PLANTED["identifier"], "code": "EUTHYMIA/note",
              "text_value": PLANTED["note"], "time": NOW}]
        ),
    ]  # fmt: skip
    batch = clinic.gateway().admit(
        items, source="test", file_name=f"{PLANTED['file']}/a.json", file_digest="1" * 64
    )
    clinic.store.append(batch, Entry(TEST, "append", Purpose.CARE))


@pytest.fixture
def planted(clinic: Clinic, tmp_path: Path) -> Path:
    """Return the closed home of a clinic with the planted person."""
    plant(clinic)
    note = tmp_path / "in" / PLANTED["identifier"]
    note.mkdir(parents=True)
    (note / "2025-01-01.txt").write_text(PLANTED["note"])
    run_ingest(clinic, [tmp_path / "in"], None, None, nothing)
    clinic.accounts.add(STAFF, "clinician", SHELL, clinic.tokens)
    assert leaks(tmp_path / "in", [PLANTED["note"]])  # control: the search finds what is there
    found = clinic.store.person(
        clinic.resolve(f"{MRN}|{PLANTED['identifier']}"), Entry(TEST, "look", Purpose.CARE)
    )
    assert found.name == PLANTED["name"]
    path = clinic.home.path
    clinic.close()
    return path


def test_disk_image(planted: Path):
    """Has a copy of the whole disk but not the root key; searches it byte by byte."""
    (planted / "keys" / "master.key").unlink()
    named = set(PLANTED.values()) | {MINE, "Person 1", DOCTOR, "1980-01-01"}
    assert leaks(planted, named) == []
    with pytest.raises(EuthymiaError):
        Clinic.open(planted)


def test_disk_image_for_names_of_the_staff(planted: Path):
    """Has a copy of the disk but not the root key, wants to know who works here."""
    assert leaks(planted, [STAFF]) == []


def test_disk_image_with_the_database_while_it_is_open(clinic: Clinic, tmp_path: Path):
    """Copies the disk of the running server: write-ahead log and temporary files with it."""
    plant(clinic)
    image = tmp_path / "image"
    shutil.copytree(clinic.home.path, image)
    assert any(path.name.endswith("-wal") for path in image.iterdir())
    assert leaks(image, PLANTED.values()) == []


def test_disk_image_as_a_plain_database(planted: Path):
    """Opens the database with an ordinary SQLite, wants at least its tables."""
    line = sqlite3.connect(planted / "clinic.db")
    with pytest.raises(sqlite3.DatabaseError):
        line.execute("SELECT * FROM sqlite_master").fetchall()
    line.close()


def test_disk_image_with_somebody_elses_root(planted: Path, tmp_path: Path):
    """Puts a root key of their own in its place, wants the home to open or to say what is in it."""
    Keyring.create(tmp_path / "mine")
    shutil.copy(tmp_path / "mine" / "master.key", planted / "keys" / "master.key")
    with pytest.raises(EuthymiaError) as told:
        Clinic.open(planted)
    assert [s for s in PLANTED.values() if s in str(told.value)] == []


def test_stolen_backup(planted: Path, tmp_path: Path):
    """Takes a backup from the shelf, searches it; has no root key."""
    with Clinic.opened(planted, lambda: NOW) as opened:
        back_up(opened, tmp_path / "backup", with_root=False, progress=nothing)
    assert leaks(tmp_path / "backup", PLANTED.values()) == []
    shutil.rmtree(planted)  # the shelf is elsewhere: no root key beside it
    with pytest.raises(EuthymiaError):
        restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)


def test_rights_of_the_home(planted: Path):
    """Has another login on the same machine, wants to read or write the home."""
    open_to_others = [p.name for p in (planted / "keys").rglob("*") if p.stat().st_mode & 0o077]
    assert [n for n in open_to_others if not n.endswith(".pub")] == []
    for name in ("ledger", "models", "reports", "redeemed"):
        assert not (planted / name).stat().st_mode & 0o077


# -- put back --------------------------------------------------------------------------------------


def problems(home: Path) -> list[str]:
    try:
        return verify_home(home, nothing)
    except EuthymiaError as error:
        return [str(error)]


ROLLED: dict[str, tuple[str, ...]] = {
    "database": ("clinic.db", "clinic.db-wal", "clinic.db-shm"),
    "ledger": ("ledger",),
    "accounts": ("accounts.sealed",),
    "models": ("models",),
    "tombstones": ("tombstones",),
}


@pytest.mark.parametrize("what", ROLLED)
def test_roll_back_of(what: str, tmp_path: Path):
    """Puts one part of the home back to yesterday's copy: a withdrawal, a dismissal, an erasure."""
    with copied_clinic(tmp_path) as clinic:
        clinic.accounts.add("dr-out", "clinician", SHELL, clinic.tokens)
        erase_subject(clinic, subject_of(clinic, "MRN-4"))
    home, before = tmp_path / "home", tmp_path / "before"
    shutil.copytree(home, before)
    with Clinic.opened(home, lambda: NOW) as clinic:
        decide_consent(clinic, MINE, permit=False)
        clinic.accounts.disable("dr-out", SHELL)
        erase_subject(clinic, subject_of(clinic, "MRN-3"))
        entry = clinic.registry.add(trained(2))
        clinic.registry.release(TASK)
        clinic.ledger.append(Entry(TEST, "release model", Purpose.CARE, None,
                                   {"registry_counter": clinic.registry.counter}))  # fmt: skip
        assert entry.version == 2
    assert problems(home) == []
    for name in ROLLED[what]:
        old, new = before / name, home / name
        if new.is_dir():
            shutil.rmtree(new)
            shutil.copytree(old, new)
        elif old.exists():
            shutil.copy(old, new)
        else:
            new.unlink(missing_ok=True)
    assert problems(home) != []


def test_restore_of_an_old_backup_to_bring_somebody_back(tmp_path: Path):
    """Restores last month's backup, wants a person back who was erased since."""
    with copied_clinic(tmp_path) as clinic:
        plant(clinic)
        back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
        erase_subject(clinic, clinic.resolve(PLANTED["identifier"]))
        newest = tmp_path / "list"
        shutil.copy(clinic.home.tombstones, newest)
    restore(tmp_path / "backup", tmp_path / "new", Wish(lists=[newest]), nothing)
    with Clinic.opened(tmp_path / "new", lambda: NOW) as again:
        assert again.store.resolve(PLANTED["identifier"]) is None


# -- edited ----------------------------------------------------------------------------------------


def swapped(a: str, b: str) -> Callable[[Path], None]:
    def swap(home: Path) -> None:
        one, two = (home / a).read_bytes(), (home / b).read_bytes()
        (home / a).write_bytes(two)
        (home / b).write_bytes(one)

    return swap


def replaced(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    def edit(home: Path) -> None:
        raw = (home / name).read_bytes()
        assert old in raw
        (home / name).write_bytes(raw.replace(old, new))

    return edit


def cut(name: str) -> Callable[[Path], None]:
    return lambda home: (home / name).write_bytes((home / name).read_bytes()[:-40])


def gone(name: str) -> Callable[[Path], None]:
    return lambda home: (home / name).unlink()


EDITS: dict[str, Callable[[Path], None]] = {
    "setting": replaced("euthymia.toml", b"everyone_on_care_team = []",
                        b'everyone_on_care_team = ["dr-evil"]'),
    "seal of the settings": gone("euthymia.toml.seal"),
    "policy": lambda h: (h / "policies.cedar").write_text("permit (principal, action, resource);"),
    "end of the ledger": cut("ledger/ledger.log"),
    "head of the ledger": gone("ledger/ledger.head"),
    "end of the accounts": cut("accounts.sealed"),
    "accounts away": gone("accounts.sealed"),
    "tombstones away": gone("tombstones"),
    "end of the database": cut("clinic.db"),
    "key tree": cut("keys/tree"),
    "ledger for database": swapped("ledger/ledger.log", "clinic.db"),
}  # fmt: skip


@pytest.mark.parametrize("what", EDITS)
def test_insider_edits_the(what: str, tmp_path: Path):
    """May write the clinic's files and has no key; changes one to their advantage."""
    with copied_clinic(tmp_path) as clinic:
        clinic.accounts.add("dr-out", "clinician", SHELL, clinic.tokens)
        erase_subject(clinic, subject_of(clinic, "MRN-4"))
    home = tmp_path / "home"
    assert problems(home) == []
    EDITS[what](home)
    assert problems(home) != []


def test_insider_takes_the_files_of_another_clinic(tmp_path: Path):
    """Runs a clinic of their own, puts its database, ledger or models in this one's place."""
    from small_clinic import make_clinic

    make_clinic(tmp_path / "evil", people=1).close()
    for name in ("clinic.db", "ledger", "models"):
        with copied_clinic(tmp_path / name):
            pass
        home = tmp_path / name / "home"
        for path in home.glob(f"{name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        source = tmp_path / "evil" / name
        shutil.copytree(source, home / name) if source.is_dir() else shutil.copy(source, home)
        assert problems(home) != [], name


def test_model_put_in_place_of_another(clinic: Clinic):
    """Has two signed bundles, lays one under the name of the other, or an older over the newer."""
    folder = clinic.home.models
    clinic.registry.add(trained(3))
    one, two = folder / f"{TASK}@1.bundle", folder / f"{TASK}@2.bundle"
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    with pytest.raises(EuthymiaError):
        Registry(folder, clinic.keyring).load(f"{TASK}@1")
    one.write_bytes(kept[:200])
    with pytest.raises(EuthymiaError):
        Registry(folder, clinic.keyring).load_released(TASK)


def test_tombstones_of_another_clinic(clinic: Clinic, tmp_path: Path):
    """Signs a list of erased people themselves, wants others' patients erased at a restore."""
    other = Keyring.create(tmp_path / "evil")
    erase_subject(clinic, subject_of(clinic, "MRN-4"))
    raw = bytearray(clinic.home.tombstones.read_bytes())
    raw[-1] ^= 1
    clinic.home.tombstones.write_bytes(bytes(raw))
    assert tombstones.problems(clinic.home.tombstones, clinic.keyring, clinic.store.tombstones)
    assert tombstones.problems(clinic.home.tombstones, other, clinic.store.tombstones)


# -- linked ----------------------------------------------------------------------------------------


def test_same_person_in_two_clinics(tmp_path: Path):
    """Holds the disks and the pseudonyms of two clinics, wants to join a person over both."""
    homes = []
    for name in ("a", "b"):
        with Clinic.opened(_made(tmp_path / name), lambda: NOW) as clinic:
            plant(clinic)
            who = SourceId(MRN, PLANTED["identifier"])
            keys = clinic.keyring
            homes.append(
                {
                    clinic.resolve(PLANTED["identifier"]),
                    pseudonym(keys.derive("pseudonym"), who),
                    blind_index(keys.derive("blind"), who),
                    contact_hash(keys.derive("contact"), PLANTED["telecom"]),
                    keys.verifier("ledger").public_bytes_raw().hex(),
                    keys.verifier("token").public_bytes_raw().hex(),
                }
            )

    assert homes[0] & homes[1] == set()
    pieces = [_pieces(tmp_path / name) for name in ("a", "b")]
    assert len(pieces[0] & pieces[1]) == 0


def _made(path: Path) -> Path:
    from small_clinic import make_clinic

    make_clinic(path, people=1).close()
    return path


def _pieces(home: Path) -> set[bytes]:
    """Return the 16-byte pieces of the database, at every place."""
    raw = (home / "clinic.db").read_bytes()
    return {raw[i : i + 16] for i in range(0, len(raw) - 16, 16)} - {bytes(16)}


def test_pseudonyms_by_hashing_every_number(clinic: Clinic):
    """Knows the form of record numbers, hashes them all, wants to find the pseudonym."""
    import base64
    import hashlib

    mine = subject_of(clinic, MINE)
    public = [b"", b"euthymia", clinic.keyring.verifier("ledger").public_bytes_raw()]
    guesses = set()
    for number in range(2000):
        for text in (f"MRN-{number}", f"{MRN}|MRN-{number}"):
            for salt in public:
                for made in (
                    hashlib.sha256(salt + text.encode()),
                    hashlib.md5(salt + text.encode()),
                ):
                    raw = made.digest()[:10]
                    guesses.add("p-" + base64.b32encode(raw).decode().lower())
    assert mine not in guesses
