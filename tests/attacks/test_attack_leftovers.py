"""What is left behind by work that was killed, or that ran beside other work: an erased person."""

import errno
import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from accounts_help import PASSWORD, code_of, enrolled
from euthymia.app import backup, copies, people, restore, tombstones, witnesses
from euthymia.app.accounts.book import Book, Emergency
from euthymia.app.backup import back_up
from euthymia.app.clinic import Clinic
from euthymia.app.config import Config, LedgerConfig
from euthymia.app.consents import Asked, change_consent
from euthymia.app.ingest import batch_consent, run_ingest
from euthymia.app.people import erase_subject
from euthymia.app.restore import Wish
from euthymia.app.setup import issue
from euthymia.app.verify import verify_home
from euthymia.app.witnesses import answer, ask
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import Clock, to_micros
from euthymia.ground.errors import BusyError, IntegrityError, MissingError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Grant
from euthymia.ground.scope import Scope
from euthymia.security.consent import consent_covers
from euthymia.security.key_tree import ZONES
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.passwords import Stretch
from euthymia.security.token import Claims, Kind
from euthymia.security.witness import WitnessKey
from euthymia.store.engine import SqliteDatabase
from euthymia.store.sealed import SealedStore
from small_clinic import MINE, MRN, TEST, Hands, copied_clinic, subject_of

REASON = "Zebulon is on the bridge and calls nobody back"
ALL = Entry(TEST, "list subjects", Purpose.CARE)


def quiet(_done: int, _of: int) -> None:
    pass


def killed(work: Callable[[], object], at: tuple[Any, str]) -> None:
    """Do work in another process, which is gone the moment it calls `at`: nothing is tidied up."""
    child = os.fork()
    if child == 0:
        try:
            setattr(*at, lambda *_args, **_more: os._exit(9))
            work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9, "it got past that call"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A clinic with a backup and an emergency about the person who is to be erased."""
    with copied_clinic(tmp_path) as clinic:
        who = subject_of(clinic, MINE)
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)

        def how(book: Book) -> None:
            book.emergencies.append(Emergency("e1", "dr-berg", who, REASON, 1, 2))

        clinic.accounts.change(how, TEST, "break glass")
    return tmp_path / "home"


def noted(clinic: Clinic) -> list[Emergency]:
    return clinic.accounts.file.now().emergencies


def erase(home: Path) -> None:
    with Clinic.opened(home) as clinic:
        erase_subject(clinic, subject_of(clinic, MINE))


PLACES = (
    (SealedStore, "_finish_erasures"),
    (SqliteDatabase, "scrub"),
    (people, "forget"),
    (copies, "tell"),
    (tombstones, "write"),
)


@pytest.mark.parametrize("at", PLACES, ids=[name for _, name in PLACES])
def test_erasure_killed_half_way_is_finished_by_the_next_command(
    home: Path, tmp_path: Path, at: tuple[Any, str]
) -> None:
    killed(lambda: erase(home), at)
    with Clinic.opened(home) as clinic:
        with pytest.raises(MissingError):
            clinic.resolve(MINE)
        assert {zone: len(clinic.keyring.epochs(zone)) for zone in ZONES} == dict.fromkeys(ZONES, 1)
        assert [(e.user, e.subject, e.reason) for e in noted(clinic)] == [("dr-berg", "", "")]
        assert not (home / "clinic.db-wal").stat().st_size
    shutil.rmtree(home)  # only the backup of before is left
    found = restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert found["erased_again"] == 1


def test_erasure_that_fails_half_way_is_finished_by_the_next_command(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are gone, the keys that opened them are not: a lost connection, a busy database."""

    def lost(_store: SealedStore) -> None:
        raise BusyError("another program is in the way")

    with monkeypatch.context() as patched:
        patched.setattr(SealedStore, "_finish_erasures", lost)
        with pytest.raises(BusyError):
            erase(home)
    assert len(Keyring.open(home / "keys").epochs()) == 2
    assert (tmp_path / "backup" / copies.LIST).exists()
    with Clinic.opened(home) as clinic:
        assert {zone: len(clinic.keyring.epochs(zone)) for zone in ZONES} == dict.fromkeys(ZONES, 1)


def test_who_was_erased_is_not_taken_in_where_the_database_forgot_it(home: Path) -> None:
    erase(home)
    with Clinic.opened(home) as clinic:
        db, listed = clinic.store._db, clinic.store.tombstones()
        clinic.gateway()
        db.run("DELETE FROM tombstone WHERE blind = ?", listed[:1])
        clinic.write_tombstones()  # as the next erasure does: the list forgets nobody
    with Clinic.opened(home) as clinic, pytest.raises(IntegrityError, match="bring them back"):
        clinic.gateway()
    assert any("bring them back" in problem for problem in verify_home(home, quiet))


def test_an_erasure_beside_a_command_that_starts_keeps_nothing_out(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list names somebody whom the command did not see in the database a moment before."""
    seen = SealedStore.tombstones

    def and_then_another_erases(store: SealedStore) -> tuple[str, ...]:
        found = seen(store)
        monkeypatch.undo()
        erase(home)
        return found

    monkeypatch.setattr(SealedStore, "tombstones", and_then_another_erases)
    with Clinic.opened(home) as clinic:
        assert clinic.gateway()
    assert tombstones.read(home / "tombstones", Keyring.open(home / "keys")).blinds


def test_erasure_killed_before_it_began_is_none(home: Path) -> None:
    killed(lambda: erase(home), (SealedStore, "erase"))
    with Clinic.opened(home) as clinic:
        assert clinic.resolve(MINE)
        assert len(clinic.accounts.file.now().emergencies) == 1


def test_killed_restore_keeps_nobody_who_was_erased(home: Path, tmp_path: Path) -> None:
    """What it had copied holds them and the root key: the next restore takes it away."""
    erase(home)
    beside = tmp_path / ".new-restoring-of-another-kind"
    beside.write_text("a file of somebody's")

    def again() -> object:
        return restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)

    killed(again, (restore, "_bury"))
    left = [folder for folder in tmp_path.glob(".new-*") if folder.is_dir()]
    assert len(left) == 1
    with Clinic.opened(left[0]) as half:
        assert subject_of(half, MINE)  # it can be opened, and they are in it
    again()
    assert list(tmp_path.glob(".new-*")) == [beside]


def test_folder_of_a_restore_that_is_at_work_is_left_alone(home: Path, tmp_path: Path) -> None:
    own = restore._require_sound
    rounds: list[Path] = []

    def meanwhile(building: Path) -> None:
        rounds.append(building)
        if len(rounds) == 1:
            restore.restore(tmp_path / "backup", tmp_path / "new", Wish(replace=True), quiet)
            assert building.is_dir()
        own(building)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore, "_require_sound", meanwhile)
        restore.restore(tmp_path / "backup", tmp_path / "new", Wish(replace=True), quiet)
    assert len(set(rounds)) == 2
    assert not list(tmp_path.glob(".new-*"))


def test_killed_backup_leaves_no_copy_of_somebody_erased(home: Path, tmp_path: Path) -> None:
    def taken() -> None:
        with Clinic.opened(home) as clinic:
            back_up(clinic, tmp_path / "second", with_root=True, progress=quiet)

    killed(taken, (backup, "_write_manifest"))
    assert len(list(tmp_path.glob(".second-*"))) == 1
    erase(home)
    taken()
    assert list(tmp_path.glob(".second-*")) == []


def test_backup_taken_during_an_erasure_brings_nobody_back(home: Path, tmp_path: Path) -> None:
    """It holds the person and the keys of its own moment; what it was not told lies beside it."""
    own, told = backup._copy_folder, []

    def racing(source: Path, target: Path, without: tuple[str, ...] = ()) -> None:
        if source.name == "models":
            child = os.fork()
            if child == 0:
                erase(home)
                os._exit(0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            told.append(source)
        own(source, target, without)

    with pytest.MonkeyPatch.context() as patch, Clinic.opened(home) as clinic:
        patch.setattr(backup, "_copy_folder", racing)
        back_up(clinic, tmp_path / "second", with_root=True, progress=quiet)
    assert told
    shutil.rmtree(home)
    found = restore.restore(tmp_path / "second", tmp_path / "new", Wish(), quiet)
    assert found["erased_again"] == 1
    with Clinic.opened(tmp_path / "new") as clinic:
        assert len(clinic.store.subjects(ALL)) == 3


def test_backup_that_was_killed_before_it_was_listed_is_told_of_erasures(
    home: Path, tmp_path: Path
) -> None:
    def taken() -> None:
        with Clinic.opened(home) as clinic:
            back_up(clinic, tmp_path / "second", with_root=True, progress=quiet)

    killed(taken, (backup, "sync_folder"))  # it is in its place, whole
    erase(home)
    shutil.rmtree(home)
    found = restore.restore(tmp_path / "second", tmp_path / "new", Wish(), quiet)
    assert found["erased_again"] == 1


@pytest.mark.parametrize("target", ["/dev/null", "/etc/passwd", "fifo"])
def test_backup_with_a_link_to_a_device(home: Path, tmp_path: Path, target: str) -> None:
    """It would never end, or copy what is not the backup's: refused before it is opened."""
    planted = tmp_path / "backup" / "home" / "reports" / "planted"
    if target == "fifo":
        os.mkfifo(planted)
    else:
        planted.symlink_to(target)
    with pytest.raises(IntegrityError, match="changed"):
        restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert not (tmp_path / "new").exists()
    assert not list(tmp_path.glob(".new-*"))


def test_whole_home_set_back_under_a_witness(tmp_path: Path) -> None:
    """Has every key and an older copy of everything, but not what the witness signed since."""
    home, old, shared = (tmp_path / name for name in ("home", "old", "shared"))
    ward = WitnessKey.create(tmp_path / "ward.key", "ward.example/w1")
    told = LedgerConfig((ward.public.words(),), str(shared))
    with closing(Clinic.create(home, Config(ledger=told))) as clinic:
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)
    assert "signed nothing yet" in "; ".join(verify_home(home, quiet))
    shutil.copytree(home, old)
    with Clinic.opened(home) as clinic:
        for _ in range(3):
            clinic.ledger.append(ALL)
        ask(clinic.ledger, clinic.config.ledger, shared)
    assert answer(shared, tmp_path / "ward.key", home / "keys" / "ledger.pub")["signed"]
    assert verify_home(home, quiet) == []
    shutil.rmtree(home)
    old.rename(home)
    assert verify_home(home, quiet) != []
    told_back = restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert told_back["entries_rolled_back"] > 3  # whoever restores openly is told, and may
    assert "a witness saw" in "; ".join(verify_home(tmp_path / "new", quiet))


@pytest.fixture
def witnessed(tmp_path: Path) -> Path:
    """A home that was set back together with the folder that its witness writes to."""
    home, old, shared, kept = (tmp_path / name for name in ("home", "old", "shared", "kept"))
    ward = WitnessKey.create(tmp_path / "ward.key", "ward.example/w1")
    told = LedgerConfig((ward.public.words(),), str(shared))
    Clinic.create(home, Config(ledger=told)).close()
    for copy in (True, False):
        with Clinic.opened(home) as clinic:
            for _ in range(3):
                clinic.ledger.append(ALL)
            ask(clinic.ledger, clinic.config.ledger, shared)
        assert answer(shared, tmp_path / "ward.key", home / "keys" / "ledger.pub")["signed"]
        if copy:
            shutil.copytree(home, old)
            shutil.copytree(shared, kept)
    for new, before in ((home, old), (shared, kept)):
        shutil.rmtree(new)
        before.rename(new)
    return home


def test_home_set_back_with_the_note_of_its_witness(witnessed: Path, tmp_path: Path) -> None:
    """The witness is asked as always, and what it answers is told, though its note fits."""
    with Clinic.opened(witnessed) as clinic:
        for _ in range(20):  # as many entries as there were, and more
            clinic.ledger.append(ALL)
        ask(clinic.ledger, clinic.config.ledger, tmp_path / "shared")
    asked = answer(tmp_path / "shared", tmp_path / "ward.key", witnessed / "keys" / "ledger.pub")
    assert asked["refused"]
    assert "the ledger was set back" in "; ".join(verify_home(witnessed, quiet))


def test_home_set_back_and_its_witness_never_asked_again(
    witnessed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The witness's own word never comes; that it is silent does not go unsaid."""
    later = witnesses.wall_clock() + timedelta(days=witnesses.SILENT_DAYS)
    monkeypatch.setattr(witnesses, "wall_clock", lambda: later)
    assert "signed nothing for 8 days" in "; ".join(verify_home(witnessed, quiet))


def what_opens(clinic: Clinic) -> str:
    """Return all that the clinic's keys still say of who did what, and of who has an account."""
    lines = [(line.actor, line.action, dict(line.detail)) for line in clinic.ledger.entries()]
    return f"{lines} {clinic.accounts.file.now()}"


def claims_of(clinic: Clinic, user: str) -> Claims:
    """Return the claims of a session that somebody holds."""
    now, life = clinic.clock(), timedelta(minutes=15)
    token = clinic.tokens.issue(user, "patient", now=now, lifetime=life, kind=Kind.SESSION)
    return clinic.tokens.verify(token, now=now, kind=Kind.SESSION)


def test_user_name_of_a_patient_outlives_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Looks for the name under which somebody erased signed in, in the ledger and the accounts."""
    name, hands = "zebulon.mxyzptlk@example.org", Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        accounts, who = clinic.accounts, subject_of(clinic, MINE)
        monkeypatch.setattr(accounts, "_stretch", Stretch(1024, 1))
        enrolled(accounts, clinic.tokens, name, "patient", who)
        hands.turn(timedelta(minutes=2))
        code = code_of(accounts, name, hands.now)
        assert accounts.sign_in(name, PASSWORD, code, "here") == (name, "patient")
        own = Entry(Actor(name, "patient"), "check in", Purpose.CARE, who)
        clinic.ledger.append(own)
        issue(clinic, name, "patient", timedelta(hours=1), sign_in=True)
        accounts.disable(name, TEST)
        accounts.disable(name, TEST, disabled=False)
        accounts.end_everywhere(name, TEST)
        hands.turn(timedelta(minutes=2))
        session = claims_of(clinic, name)
        assert who in {line.actor for line in clinic.ledger.about(who)}, "it was the patient"
        erase_subject(clinic, who)
        assert accounts.ended(session), "no session of theirs holds"
        clinic.ledger.append(own)  # a call that was under way
        assert "zebulon" not in what_opens(clinic).lower()
        assert clinic.ledger.verify() == []


def test_reason_of_a_consent_that_came_with_a_file(tmp_path: Path) -> None:
    """Reads in the ledger why somebody erased was taken in: the reason named them."""
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": MRN, "value": "MRN-Z"}],
        "name": [{"text": "Zebulon Quux"}],
    }
    (tmp_path / "one.json").write_text(json.dumps(patient))
    because = "Zebulon said so on the telephone"
    with copied_clinic(tmp_path) as clinic:
        consent = batch_consent("monitoring", because)
        run_ingest(clinic, [tmp_path / "one.json"], consent, None, quiet)
        who = subject_of(clinic, "MRN-Z")
        told = [dict(line.detail) for line in clinic.ledger.about(who)]
        assert because in [detail.get("because") for detail in told]
        erase_subject(clinic, who)
        assert "zebulon" not in what_opens(clinic).lower()


def test_reason_of_a_consent_for_a_file_about_several(tmp_path: Path) -> None:
    """Reads why people were taken in together, after the last of them was erased."""
    people = [
        {"resourceType": "Patient", "id": mrn, "identifier": [{"system": MRN, "value": mrn}]}
        for mrn in ("MRN-Y", "MRN-Z")
    ]
    file = tmp_path / "two.ndjson"
    file.write_text("".join(json.dumps(patient) + "\n" for patient in people))
    because = "Zebulon and his brother signed at the desk"
    with copied_clinic(tmp_path) as clinic:
        run_ingest(clinic, [file], batch_consent("monitoring", because), None, quiet)
        for mrn in ("MRN-Y", "MRN-Z"):
            who = subject_of(clinic, mrn)
            told = [dict(line.detail) for line in clinic.ledger.about(who)]
            assert because in [detail.get("because") for detail in told]
            assert "zebulon" in what_opens(clinic).lower()
            erase_subject(clinic, who)
        assert "zebulon" not in what_opens(clinic).lower()


def test_account_and_emergency_in_an_older_backup(home: Path, tmp_path: Path) -> None:
    """Restores a backup of before an erasure, whose accounts hold what was typed about them."""
    with Clinic.opened(home) as clinic:
        clinic.accounts.add("zebulon", "patient", TEST, clinic.tokens, subject_of(clinic, MINE))
        back_up(clinic, tmp_path / "later", with_root=True, progress=quiet)
    erase(home)
    restore.restore(tmp_path / "later", tmp_path / "new", Wish(), quiet)
    with Clinic.opened(tmp_path / "new") as clinic:
        assert "zebulon" not in what_opens(clinic).lower()
        assert [(e.user, e.subject, e.reason) for e in noted(clinic)] == [("dr-berg", "", "")]


def granted(clinic: Clinic, who: SubjectId, purpose: Purpose) -> bool:
    return consent_covers(clinic.store.grants(who), purpose, to_micros(clinic.clock()))


def by_file(clinic: Clinic, identifier: str, *, permit: bool) -> None:
    """Take in a file that says what one person decided about monitoring, now."""
    who, at = SourceId(MRN, identifier), clinic.clock()
    grant = Grant(1, who, (Purpose.MONITORING,), permit, at)
    told = {"source": "fhir", "file_name": "export.json", "file_digest": f"{at} {permit}"}
    admitted = clinic.gateway().admit([grant], rows_in=1, **told)
    clinic.store.append(admitted, Entry(TEST, "ingest", Purpose.CARE))


def test_withdrawal_and_dismissal_undone_by_a_restore(tmp_path: Path) -> None:
    """Has last week's backup restored: the patient agreed then, and the nurse worked here."""
    hands = Hands()
    with copied_clinic(tmp_path, hands) as clinic:
        home, who = clinic.home.path, subject_of(clinic, MINE)
        other, part = subject_of(clinic, "MRN-2"), subject_of(clinic, "MRN-4")
        change_consent(clinic, who, Asked(grant="training,research"))
        by_file(clinic, "MRN-3", permit=True)
        enrolled(clinic.accounts, clinic.tokens, "dr-out")
        back_up(clinic, tmp_path / "backup", with_root=True, progress=quiet)
        hands.turn(timedelta(days=1))
        change_consent(clinic, who, Asked(withdraw="training,monitoring"))
        change_consent(clinic, other, Asked(withdraw="monitoring"))
        change_consent(clinic, part, Asked(withdraw="monitoring"))
        by_file(clinic, "MRN-3", permit=False)  # as the health record's export tells it
        hands.turn(timedelta(days=1))
        change_consent(clinic, other, Asked(grant="monitoring"))
        change_consent(clinic, part, Asked(grant="monitoring", scope=Scope(streams=("calls",))))
        clinic.accounts.disable("dr-out", TEST)
    told = restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert (told["withdrawn_again"], told["accounts_kept"], told["newer_home"]) == (4, True, True)
    with Clinic.opened(tmp_path / "new", hands) as clinic:
        assert not granted(clinic, who, Purpose.TRAINING)
        assert not granted(clinic, who, Purpose.MONITORING)
        assert granted(clinic, who, Purpose.RESEARCH)
        assert granted(clinic, other, Purpose.MONITORING), "given anew since"
        assert not granted(clinic, part, Purpose.MONITORING), "of all streams one was given anew"
        assert not granted(clinic, subject_of(clinic, "MRN-3"), Purpose.MONITORING)
        assert clinic.accounts.file.now().accounts["dr-out"].disabled
    assert verify_home(tmp_path / "new", quiet) == []
    home.rename(tmp_path / "gone")
    alone = restore.restore(tmp_path / "backup", tmp_path / "again", Wish(), quiet)
    assert (alone["withdrawn_again"], alone["newer_home"]) == (0, False)


def test_restore_beside_a_home_that_cannot_be_written_to(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old disk is mounted for reading alone: what was withdrawn is known all the same."""
    with Clinic.opened(home) as clinic:
        who = subject_of(clinic, MINE)
        change_consent(clinic, who, Asked(withdraw="monitoring"))
    opened = Ledger.open

    def only_elsewhere(folder: Path, keyring: Keyring, *, clock: Clock) -> Ledger:
        if folder.is_relative_to(home):
            raise OSError(errno.EROFS, "Read-only file system")
        return opened(folder, keyring, clock=clock)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "open", only_elsewhere)
        told = restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert (told["withdrawn_again"], told["newer_ledger"]) == (1, True)
    assert "newer-ledger" not in {file.name for file in (tmp_path / "new").iterdir()}


def test_restore_beside_a_ledger_that_cannot_be_read(home: Path, tmp_path: Path) -> None:
    """The withdrawals of the last days are in it: that they are not known does not go unsaid."""
    log = home / "ledger" / "ledger.log"
    log.write_bytes(b"\0" * log.stat().st_size)
    told = restore.restore(tmp_path / "backup", tmp_path / "new", Wish(), quiet)
    assert (told["newer_home"], told["newer_ledger"]) == (True, False)
