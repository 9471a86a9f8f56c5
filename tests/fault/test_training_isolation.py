"""Training sees one snapshot and nothing else: tried in the trainer itself, and by canaries."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

import training_clinic
from euthymia.app import snapshots, teaching, trainer, training
from euthymia.app.clinic import Clinic
from euthymia.app.consents import Asked, change_consent
from euthymia.app.ingest import run_ingest
from euthymia.app.people import erase_subject
from euthymia.app.teaching import LENT, _closed, _environment
from euthymia.app.trainer_messages import Taught
from euthymia.app.training import learn, run_training
from euthymia.app.verify import verify_home
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import to_micros
from euthymia.ground.errors import AccessError, BusyError, IntegrityError, SchemaError
from euthymia.ground.ids import SourceId, SubjectId
from euthymia.ground.records import Grant, Observations, Retracted, Writing
from euthymia.ground.schemas import OBSERVATIONS, ROW
from euthymia.ground.scope import Scope
from euthymia.models.snapshot import frame_of, members_of, unpack
from euthymia.models.tasks import tasks
from euthymia.models.train import train
from euthymia.security.enclosure import version
from euthymia.security.keys import Keyring
from euthymia.sources.fhir_consent import consent_resource
from small_clinic import MRN, TASK, TEST, subject_of
from training_clinic import CANARIES, CANARY_SITE, CANARY_VALUE, MADE_UP, PEOPLE

NEEDS_LANDLOCK = pytest.mark.skipif(not version(), reason="this kernel has no Landlock")


def nothing(_done: int, _of: int) -> None: ...


WORKLOAD = 20.0  # of 100 index dates; not what training takes by itself


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a clinic that has trained once."""
    home = tmp_path_factory.mktemp("trained") / "home"
    with closing(training_clinic.make(home)) as clinic:
        training = replace(clinic.config.training, workload=WORKLOAD)
        clinic.config = replace(clinic.config, training=training)
        result = run_training(clinic, TASK, seed=1, report=None, progress=nothing)
    (home.parent / "result.json").write_text(json.dumps(result, default=str))
    return home


@pytest.fixture
def clinic(made: Path, tmp_path: Path) -> Iterator[Clinic]:
    home = tmp_path / "home"
    shutil.copytree(made, home)
    opened = Clinic.open(home, lambda: training_clinic.NOW)
    yield opened
    opened.close()


@pytest.fixture
def lent(clinic: Clinic) -> Iterator[Keyring]:
    with clinic.keyring.lend(LENT) as pipe:
        yield Keyring.borrowed(os.dup(pipe))


def only(clinic: Clinic) -> Path:
    (file,) = clinic.home.snapshots.iterdir()
    return file


# -- what the card and the report say of the rows ------------------------------------------------
def test_who_did_not_consent_and_when_it_was_are_said(clinic):
    card = clinic.registry.load(TASK)[0].card
    assert card["flow"][0] == f"no consent to training: 0 ({len(CANARIES)} people)"
    # a snapshot counts days from each one's own first date: only the months are known
    assert card["index_dates_seen"] == ["2025-11", "2026-01"]
    (report,) = clinic.home.reports.glob("*.html")
    assert "the clinic looks at the 20 of 100 index dates" in report.read_text()
    (when,) = (
        i for i in card["self_audit"] if i["checklist"] == "TRIPOD+AI" and i["number"] == "5b"
    )
    assert "from 2025-11 to 2026-01" in when["evidence"]
    assert "no consent to training" in (clinic.home.reports / f"{TASK}-1.html").read_text()


# -- made-up people ------------------------------------------------------------------------------
def test_one_made_up_person_marks_the_model_and_its_report(clinic):
    assert not clinic.config.clinic.simulated
    assert unpack(clinic.keyring, only(clinic).read_bytes()).manifest.synthetic
    assert clinic.registry.load(TASK)[0].synthetic
    assert "SIMULATED DATA" in (clinic.home.reports / f"{TASK}-1.html").read_text()


def test_without_them_the_snapshot_is_not_marked(clinic):
    who = subject_of(clinic, MADE_UP)
    change_consent(clinic, who, Asked(withdraw="training", because="nobody"))
    assert not snapshots.release_snapshot(clinic, TASK, nothing).manifest.synthetic


# -- the canaries --------------------------------------------------------------------------------
def _traces(clinic: Clinic) -> set[bytes]:
    """Everything by which somebody who did not consent could be known, in several encodings."""
    found = {
        CANARY_SITE.encode(),
        str(CANARY_VALUE)[:12].encode(),
        np.float64(CANARY_VALUE).tobytes(),
    }
    for name in CANARIES:
        who = subject_of(clinic, name)
        for text in (name, who, f"Person {name}"):
            found |= {text.encode(), text.encode("utf-16-le"), base64.b64encode(text.encode())[:-4]}
    return found


def test_nobody_without_consent_is_in_what_training_sees_or_gives(clinic, lent, made):
    opened = unpack(lent, only(clinic).read_bytes())
    frame = frame_of(lent, opened)
    bundle, _ = clinic.registry.load(TASK)
    report = (clinic.home.reports / f"{TASK}-1.html").read_bytes()
    result = (made.parent / "result.json").read_bytes()
    seen = b"".join(values.tobytes() for values in (frame.x, frame.y, frame.at))
    seen += "\n".join([*frame.person, *frame.site, *frame.groups["sex"]]).encode()
    seen += "\n".join(str(v) for column in frame.metadata.values() for v in column).encode()
    weights = bundle.onnx + repr(bundle).encode()
    for trace in _traces(clinic):
        for what in (opened.rows, only(clinic).read_bytes(), seen, weights, report, result):
            assert trace not in what
    assert len(set(frame.person.tolist())) == PEOPLE == len(bundle.people)
    assert not np.any(np.isclose(frame.x, CANARY_VALUE, atol=1e-12))
    members = members_of(clinic.keyring, opened)
    for name in CANARIES:
        assert subject_of(clinic, name) not in {*members, *bundle.people}


def test_the_canaries_would_be_seen_if_they_had_consented(clinic):
    """The search above finds them in what a careless release would write."""
    for name in CANARIES:
        change_consent(clinic, subject_of(clinic, name), Asked(grant="training", because="test"))
    released = snapshots.release_snapshot(clinic, TASK, nothing)
    frame = frame_of(clinic.keyring, unpack(clinic.keyring, released.content))
    assert np.any(np.isclose(frame.x, CANARY_VALUE, atol=1e-12))
    assert CANARY_SITE in frame.site.tolist()
    assert released.manifest.people == PEOPLE + len(CANARIES)


def test_no_live_name_or_date_is_in_the_rows(clinic, lent):
    opened = unpack(lent, only(clinic).read_bytes())
    frame = frame_of(lent, opened)
    live = set(members_of(clinic.keyring, opened))
    assert len(live) == PEOPLE
    for who in live:
        assert who.encode() not in only(clinic).read_bytes()
        assert who not in frame.person.tolist()
    assert frame.seen_until == 0
    for person in set(frame.person.tolist()):
        assert frame.at[frame.person == person].min() == 0  # days since each one's own first
    assert set(frame.names) == {spec.name for spec in tasks()[TASK].features}


def test_two_snapshots_cannot_be_linked_without_the_live_key(clinic, lent):
    before = unpack(lent, only(clinic).read_bytes())
    released = snapshots.release_snapshot(clinic, TASK, nothing)
    after = unpack(lent, released.content)
    first, second = (members_of(clinic.keyring, part) for part in (before, after))
    assert not set(first.values()) & set(second.values())
    with pytest.raises(AccessError, match="not those of 'live'"):
        members_of(lent, after)
    # the same people stand in the same order, so that the same people give the same model
    assert sorted(first, key=first.__getitem__) == sorted(second, key=second.__getitem__)
    assert sorted(first) != sorted(first, key=first.__getitem__)  # which is not the live one
    assert [file.name for file in clinic.home.snapshots.iterdir()] == [
        f"{released.manifest.snapshot}.snapshot"
    ]


def test_the_trainer_gives_what_training_here_gives(clinic, lent, made):
    frame = frame_of(lent, unpack(lent, only(clinic).read_bytes()))
    now = to_micros(clinic.clock())
    here = train(tasks()[TASK], frame, seed=1, synthetic=True, now=now, workload=WORKLOAD)
    there = json.loads((made.parent / "result.json").read_text())["metrics"]
    for name, value in here.metrics.items():
        assert there[name]["estimate"] == value.estimate
    bundle, _ = clinic.registry.load(TASK)
    served = json.loads(json.dumps(bundle.card["metrics"]))
    assert served["auc"]["estimate"] == round(here.metrics["auc"].estimate, 6)


def test_a_trainer_that_gives_back_something_else_gives_no_model(clinic, monkeypatch):
    """Another task's model, another's name, other features, or other people than it was taught."""
    known = clinic.registry.load(TASK)[0]
    wrong: dict[str, Any] = {}

    class Elsewhere:
        charges = None

        def teach(self, _name, content, *_more, **_given):
            members = members_of(clinic.keyring, unpack(clinic.keyring, content))
            people = {"people": tuple(sorted(members.values()))}
            if "people" in wrong:
                people["people"] = wrong["people"](people["people"])
            bundle = msgspec.structs.replace(known, **{**wrong, **people})
            return Taught(bundle, {}, {}, "", "")

    @contextmanager
    def elsewhere(_clinic):
        yield Elsewhere()

    monkeypatch.setattr(teaching, "trainer", elsewhere)
    taught, _, _ = learn(clinic, TASK, seed=1, progress=nothing)
    assert taught.bundle.people == known.people  # by the names of the clinic again
    for change in (
        {"task": "worsening-30d"},
        {"name": "worsening-30d"},
        {"schema_digest": "0" * 64},
        {"people": lambda honest: honest[1:]},
        {"people": lambda honest: ("p-somebody-else", *honest[1:])},
    ):
        wrong.clear()
        wrong.update(change)
        with pytest.raises(IntegrityError, match="a model of something else"):
            learn(clinic, TASK, seed=1, progress=nothing)


# -- the trainer itself --------------------------------------------------------------------------
TRIES = """
import ctypes, json, os, socket, sys
from pathlib import Path
from euthymia.app.trainer import _readable
from euthymia.ground.errors import EuthymiaError
from euthymia.security.enclosure import enclose
from euthymia.security.keys import Keyring
import apsw

home, parent = Path(sys.argv[2]), int(sys.argv[3])
keys = Keyring.borrowed(int(sys.argv[1]))
said = {"enclosed": enclose(_readable()), "zones": sorted(keys.zones)}

def attempt(name, what):
    try:
        what()
        said[name] = "done"
    except (OSError, EuthymiaError, KeyError, apsw.Error) as error:
        said[name] = type(error).__name__

for label in ("pseudonym", "page", "blind", "snapshot members", "ledger-mac", "model"):
    attempt("derive " + label, lambda: keys.derive(label))
for role in ("token", "ledger", "model"):
    attempt("sign " + role, lambda: keys.signer(role))
attempt("wrap", lambda: keys.wrap(bytes(32), context=b""))
attempt("keyring", lambda: Keyring.open(home / "keys"))
attempt("database", lambda: apsw.Connection(str(home / "clinic.db")).execute("BEGIN IMMEDIATE"))
attempt("home", lambda: os.listdir(home))
for name in ("keys/master.key", "keys/tree", "clinic.db", "ledger/ledger.log", "euthymia.toml"):
    attempt("read " + name, lambda: (home / name).read_bytes())
attempt("snapshots", lambda: os.listdir(home / "snapshots"))
attempt("write", lambda: Path("/tmp/euthymia-trainer-wrote").write_bytes(b"x"))
attempt("environment of the parent", lambda: Path(f"/proc/{parent}/environ").read_bytes())
attempt("memory of the parent", lambda: open(f"/proc/{parent}/mem", "rb"))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", int(sys.argv[4])), 2))

def sent():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.sendto(b"x", ("127.0.0.1", int(sys.argv[4])))

def reached():
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(sys.argv[6])

attempt("send a datagram", sent)
attempt("reach a daemon of this machine", reached)

class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

here = ctypes.create_string_buffer(8)
ours, theirs = Vector(ctypes.addressof(here), 8), Vector(int(sys.argv[5]), 8)
system = ctypes.CDLL(None, use_errno=True)
read = system.process_vm_readv(parent, ctypes.byref(ours), 1, ctypes.byref(theirs), 1, 0)
said["trace the parent"] = "done" if read == 8 else "PermissionError"
print(json.dumps(said))
"""


@NEEDS_LANDLOCK
def test_the_trainer_cannot_open_the_home_nor_derive_a_live_key(clinic):
    import ctypes
    import socket

    secret = ctypes.create_string_buffer(b"seekeys!")
    daemon = str(clinic.home.path.parent / "daemon")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_server(daemon, family=socket.AF_UNIX),
        clinic.keyring.lend(LENT) as pipe,
    ):
        done = subprocess.run(
            [sys.executable, "-P", "-c", TRIES, str(pipe), str(clinic.home.path), str(os.getpid()),
             str(server.getsockname()[1]), str(ctypes.addressof(secret)), daemon],
            pass_fds=[pipe], capture_output=True, env=_environment(), cwd="/", check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("enclosed") is True
    assert said.pop("zones") == ["research", "train"]
    assert {name: what for name, what in said.items() if what == "done"} == {}
    assert said["derive pseudonym"] == "AccessError"
    assert said["read keys/master.key"] == "PermissionError"


def test_where_the_home_can_be_opened_training_says_so_or_refuses(clinic, lent):
    order = trainer.Order(TASK, 1, 0, _closed(clinic), False)
    assert trainer._isolation(order, enclosed=False) == trainer.APART
    strict = trainer.Order(TASK, 1, 0, _closed(clinic), True)
    with pytest.raises(SchemaError, match=r"training\.user"):
        trainer._isolation(strict, enclosed=False)
    nowhere = trainer.Order(TASK, 1, 0, (str(clinic.home.path / "not there"),), True)
    assert trainer._isolation(nowhere, enclosed=True) == trainer.ENCLOSED


def test_the_ledger_says_what_crossed_and_how_training_was_isolated(clinic):
    entries = {line.action: line for line in clinic.ledger.entries()}
    manifest = unpack(clinic.keyring, only(clinic).read_bytes()).manifest
    assert entries["release snapshot"].id == manifest.ledger_entry
    assert entries["release snapshot"].detail["snapshot_rows_sha256"] == manifest.rows_sha256
    trained = entries["train model"].detail
    assert trained["snapshot"] == manifest.snapshot
    assert trained["isolation"] == (trainer.ENCLOSED if version() else trainer.APART)


@pytest.mark.skipif(os.getuid() != 0, reason="only root may start a process as another user")
def test_an_unknown_user_for_the_trainer_is_refused_in_words(clinic, monkeypatch):
    from euthymia.app.config import TrainingConfig

    clinic.config = replace(clinic.config, training=TrainingConfig(user="nobody-of-this-name"))
    with pytest.raises(SchemaError, match="no user of this machine"):
        run_training(clinic, TASK, seed=1, report=None, progress=nothing)


# -- taking back ---------------------------------------------------------------------------------
def test_a_withdrawal_destroys_the_snapshot_and_says_so(clinic):
    who = subject_of(clinic, "MRN-007")
    name = only(clinic).stem
    told = change_consent(clinic, who, Asked(withdraw="training", because="asked"))
    assert any(f"destroyed: the research snapshot {name}" in said for said in told["effects"])
    assert any("cannot be undone" in said for said in told["effects"])
    assert list(clinic.home.snapshots.iterdir()) == []
    assert "destroy snapshot" in [line.action for line in clinic.ledger.entries()]
    released = snapshots.release_snapshot(clinic, TASK, nothing)
    assert who not in released.people.values()
    assert released.manifest.people == PEOPLE - 1


def test_a_withdrawal_of_somebody_who_is_not_in_it_leaves_it(clinic):
    who = subject_of(clinic, CANARIES[0])
    told = change_consent(clinic, who, Asked(withdraw="monitoring", because="asked"))
    assert not any("snapshot" in said for said in told["effects"])
    assert only(clinic).exists()


def test_a_record_that_is_taken_back_destroys_the_snapshot_also_after_a_kill(clinic):
    """Who was in it is counted with what was taken back of theirs: the next sweep sees to it."""
    at = pa.array([training_clinic.NOW], pa.timestamp("us", "UTC"))
    row = {"subject_id": "MRN-003", "code": "LOINC/8867-4", "numeric_value": 60.0, "row": 1}
    row |= {"purpose": "care", "source": "test"}
    schema = pa.schema([*OBSERVATIONS, ROW])
    table = pa.Table.from_pylist([row], schema).set_column(1, schema.field("time"), at)
    record = Writing("Observation/1")
    told = {"source": "test", "file_name": "export.json"}
    for item in (Observations(MRN, table, {1: record}), Retracted(1, record)):
        released = snapshots.release_snapshot(clinic, TASK, nothing)
        admitted = clinic.gateway().admit([item], file_digest=type(item).__name__, **told)
        clinic.store.append(admitted, Entry(TEST, "ingest", Purpose.CARE))
        gone = snapshots.sweep(clinic)
        assert gone == ([released.manifest.snapshot] if isinstance(item, Retracted) else [])
    assert list(clinic.home.snapshots.iterdir()) == []


def test_an_erasure_destroys_the_snapshot_and_says_so(clinic):
    name = only(clinic).stem
    told = erase_subject(clinic, subject_of(clinic, "MRN-003"))
    assert told["snapshots"] == [name]
    assert list(clinic.home.snapshots.iterdir()) == []


def test_an_erasure_cut_while_it_destroys_is_no_alarm_and_the_next_ends_it(clinic, monkeypatch):
    who = subject_of(clinic, "MRN-003")

    def cut(_path):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "shred", cut)
        with pytest.raises(KeyboardInterrupt):
            erase_subject(clinic, who)
    (left,) = clinic.home.snapshots.iterdir()
    assert snapshots.list_snapshots(clinic) == [], "the ledger says that it is destroyed"
    left.write_bytes(bytes(left.stat().st_size))  # or the machine stopped once it was overwritten
    told = snapshots.told_of(line.detail for line in clinic.ledger.entries())
    assert snapshots.problems(clinic.home, clinic.keyring, told) == []
    erase_subject(clinic, who)
    assert list(clinic.home.snapshots.iterdir()) == []


PART, AT = Scope(streams=("location",)), to_micros(training_clinic.NOW)
ENDED = {
    "all": GrantRecord(Purpose.TRAINING, False, AT, None, "in a file"),
    "a part": GrantRecord(Purpose.MONITORING, False, AT, None, "in a file", PART),
    "a part ran out": GrantRecord(Purpose.MONITORING, True, AT - 9, AT, "in a file", PART),
}


@pytest.mark.parametrize("what", ENDED)
def test_a_snapshot_is_swept_when_any_consent_ends_that_it_rests_on(clinic, what):
    assert snapshots.sweep(clinic) == []
    who = subject_of(clinic, "MRN-001")
    clinic.store.put_grant(who, ENDED[what], Entry(TEST, "set consent", Purpose.CARE, who))
    name = only(clinic).stem  # whoever took the decision in was killed before it looked here
    assert snapshots.sweep(clinic) == [name]
    assert list(clinic.home.snapshots.iterdir()) == []


# -- whoever changes their mind meanwhile ------------------------------------------------------
MEANWHILE: dict[str, Callable[[Clinic, SubjectId], object]] = {
    "training": lambda clinic, who: change_consent(clinic, who, Asked(withdraw="training")),
    "monitoring": lambda clinic, who: change_consent(clinic, who, Asked(withdraw="monitoring")),
    "a part": lambda clinic, who: change_consent(
        clinic, who, Asked(withdraw="monitoring", scope=PART)
    ),
    "erased": erase_subject,
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_whoever_says_no_while_a_snapshot_is_made_is_in_none(clinic, monkeypatch, what):
    who, packed = subject_of(clinic, "MRN-003"), snapshots.pack_members

    def late(*given):
        MEANWHILE[what](clinic, who)
        return packed(*given)

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "pack_members", late)
        with pytest.raises(BusyError, match="run it again"):
            snapshots.release_snapshot(clinic, TASK, nothing)
    assert list(clinic.home.snapshots.iterdir()) == []
    assert who not in snapshots.release_snapshot(clinic, TASK, nothing).people.values()


@pytest.mark.parametrize("what", MEANWHILE)
def test_no_model_is_kept_of_whoever_said_no_while_it_was_trained(clinic, monkeypatch, what):
    who, before = subject_of(clinic, "MRN-003"), clinic.registry.list()
    bundle, _ = clinic.registry.load(f"{TASK}@1", for_use=False)
    released = snapshots.release_snapshot(clinic, TASK, nothing)

    def taught(*_given, **_more):
        MEANWHILE[what](clinic, who)
        return Taught(bundle, {}, {}, "", trainer.ENCLOSED), released, None

    monkeypatch.setattr(training, "learn", taught)
    with pytest.raises(BusyError, match="run it again"):
        run_training(clinic, TASK, seed=1, report=None, progress=nothing)
    assert clinic.registry.list() == before


def test_an_erasure_names_a_model_that_came_into_use_meanwhile(clinic, monkeypatch):
    who, bundle = subject_of(clinic, "MRN-003"), clinic.registry.load(TASK, for_use=False)[0]
    erase = clinic.store.erase

    def late(*given):
        clinic.registry.add_bundle(bundle)
        return erase(*given)

    monkeypatch.setattr(clinic.store, "erase", late)
    told = erase_subject(clinic, who)
    assert [one["model"] for one in told["models"]] == [f"{TASK}@1", f"{TASK}@2"]


@pytest.mark.parametrize("scope", [None, PART], ids=["all", "a part"])
def test_a_withdrawal_in_a_file_destroys_the_snapshot(clinic, tmp_path, scope):
    grant = Grant(
        1, SourceId(MRN, "MRN-003"), (Purpose.MONITORING,), permit=False, at=clinic.clock(),
        scope=scope,
    )  # fmt: skip
    entry = {"resource": consent_resource(grant)}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [entry]}
    (tmp_path / "consent.json").write_text(json.dumps(bundle))
    told = run_ingest(clinic, [tmp_path / "consent.json"], None, None, nothing)
    assert told["stored"] == 1
    assert list(clinic.home.snapshots.iterdir()) == []


# -- bytes ---------------------------------------------------------------------------------------
def test_changed_cut_renamed_and_foreign_snapshots_are_found(clinic, tmp_path):
    def verify() -> list[str]:
        return [said for said in verify_home(clinic.home.path, nothing) if "snapshot" in said]

    assert verify() == []
    file = only(clinic)
    whole = file.read_bytes()
    for place in (0, 9, 40, 700, len(whole) // 2, len(whole) - 1):
        bad = bytearray(whole)
        bad[place] ^= 4
        with pytest.raises(IntegrityError):
            unpack(clinic.keyring, bytes(bad))
    for size in (0, 10, 600, len(whole) - 1):
        with pytest.raises(IntegrityError):
            unpack(clinic.keyring, whole[:size])
    file.write_bytes(whole[:-1])
    assert len(verify()) == 1
    file.write_bytes(whole)
    file.rename(file.with_name("relapse-30d-000000000000.snapshot"))
    assert "released under that name" in verify()[0]
    with pytest.raises(IntegrityError, match="another clinic's"):
        unpack(Keyring.create(tmp_path / "other"), whole)
