"""The ledger from outside: receipts, sealed details, a full disk, the commands, audit events."""

import base64
import json
import string
from pathlib import Path

import pytest

from api_calls import Api, slug
from euthymia.app.cli import main
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.errors import EuthymiaError, IntegrityError
from euthymia.ground.ids import SourceId
from euthymia.security.ledger_proofs import receipt_of
from euthymia.security.receipt import open_receipt
from small_clinic import MINE, MRN, NO_CONSENT, copied_clinic, subject_of

TEST = Actor("test", "shell")
PLANTED = "planted-7f3a"


@pytest.fixture
def api(tmp_path):
    with copied_clinic(tmp_path) as clinic:
        yield Api(clinic)


def run(capsys, *arguments):
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_each_answer_carries_a_receipt_that_verifies_without_the_home(api, tmp_path, capsys):
    answers = [api.ask().json() for _ in range(3)]
    models = api.send("GET", "/v1/models", headers={"content-type": ""}).json()
    key = tmp_path / "ledger.pub"
    key.write_bytes((api.clinic.home.keys / "ledger.pub").read_bytes())
    for number, answer in enumerate([*answers, models]):
        file = tmp_path / f"answer-{number}.json"
        file.write_text(json.dumps(answer))
        code, told = run(capsys, "ledger", "verify", "--receipt", file, "--public-key", key)
        assert (code, told["ok"], told["entry"]) == (0, True, answer["ledger_entry"])
        assert told["user"] == "sealed"
        assert "model" not in told["detail"] or told["subject"] is None
    assert told["action"] == "list models"
    # of another entry, changed, or with another key: refused
    mixed = answers[0] | {"receipt": answers[1]["receipt"]}
    file.write_text(json.dumps(mixed))
    assert run(capsys, "ledger", "verify", "--receipt", file, "--public-key", key)[0] == 1
    other = api.clinic.home.keys / "model.pub"
    file.write_text(json.dumps(answers[0]))
    assert run(capsys, "ledger", "verify", "--receipt", file, "--public-key", other)[0] == 1


def test_a_changed_answer_is_found_where_the_ledger_is(api, tmp_path, capsys):
    """The receipt alone vouches for the entry; the clinic itself knows what was said."""
    answer, file = api.ask().json(), tmp_path / "answer.json"
    home = api.clinic.home
    api.clinic.close()

    def verified(said, *more):
        file.write_text(json.dumps(said))
        return run(capsys, "ledger", "verify", "--receipt", file, *more)

    code, told = verified(answer, "--home", home.path)
    assert (code, told["vouched_for"].startswith("the entry, and")) == (0, True)
    forged = 0.9 if answer["probability"] is None else None
    assert verified(answer | {"probability": forged}, "--home", home.path)[0] == 1
    code, told = verified(
        answer | {"probability": forged}, "--public-key", home.keys / "ledger.pub"
    )
    assert (code, "alone" in told["vouched_for"]) == (0, True)
    another = answer | {"patient_id": "p-" + "a" * 16}
    assert verified(another, "--public-key", home.keys / "ledger.pub")[0] == 1


def test_every_changed_byte_of_a_receipt_is_refused(api):
    text = api.ask().json()["receipt"]
    verifier = api.clinic.keyring.verifier("ledger")
    held = open_receipt(text, verifier)
    raw = text.encode()
    for place in range(len(raw)):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        try:
            found = open_receipt(changed.decode(), verifier)
        except (IntegrityError, UnicodeDecodeError):
            continue
        assert (found.seq, found.entry, found.checkpoint) == (held.seq, held.entry, held.checkpoint)


def test_a_receipt_has_one_form_alone(api):
    """Else the same proof, in other words, could pass for another."""
    text = api.ask().json()["receipt"]
    verifier = api.clinic.keyring.verifier("ledger")
    proof, _, note = text.partition("\n\n")
    head, extra, index, *path = proof.split("\n")
    number = int(index.removeprefix("index "))
    spare = next(i for i, c in enumerate(extra) if c == "=") if "=" in extra else None
    others = [
        "\n".join([head, extra, index, *path, note]),  # no line between
        "\n".join([head + "2", extra, index, *path]) + "\n\n" + note,
        "\n".join([head, "more " + extra.removeprefix("extra "), index, *path]) + "\n\n" + note,
        "\n".join([head, extra.removeprefix("extra "), index, *path]) + "\n\n" + note,
        "\n".join([head, extra, f"index 0{number}", *path]) + "\n\n" + note,
        "\n".join([head, extra, f"index {number + 1}", *path]) + "\n\n" + note,
        "\n".join([head, extra, *path]) + "\n\n" + note,
        "\n".join([head, extra, index, *path, *path[:1] * 64]) + "\n\n" + note,
        "\n".join([head, extra, index, *path[:-1]]) + "\n\n" + note,
        "\n".join([head, extra, index, *path, "AAAA"]) + "\n\n" + note,
        text + "x" * 200_000,
        proof,
        "",
    ]
    if spare is not None:  # bits that say nothing, set
        letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
        last = letters[letters.index(extra[spare - 1]) + 1]
        others.append(text.replace(extra, extra[: spare - 1] + last + extra[spare:]))
    for other in others:
        with pytest.raises(IntegrityError):
            open_receipt(other, verifier)
    assert open_receipt(text, verifier).seq == number


def test_a_receipt_of_any_entry_later(api, tmp_path):
    refused = api.ask(patient_id=NO_CONSENT).json()
    entry = refused["instance"].rpartition(":")[2]
    assert "receipt" not in refused  # it could say that there is such a patient
    for _ in range(3):
        api.ask()
    text = receipt_of(api.clinic.ledger, entry)
    found = open_receipt(text, api.clinic.keyring.verifier("ledger"))
    assert found.entry.action == "analyze patient"
    assert entry.startswith(f"L-{found.seq}-")
    with pytest.raises(EuthymiaError, match="no such entry"):
        receipt_of(api.clinic.ledger, "L-3-00000000")


def test_details_about_a_person_are_sealed_and_go_with_the_person(api, tmp_path, capsys):
    clinic = api.clinic
    who = subject_of(clinic, MINE)
    told = Entry(TEST, "note reason", Purpose.CARE, who, {"reason": PLANTED, "change": 0})
    kept = clinic.ledger.append(told)
    assert api.ask().status_code == 200
    line = next(x for x in clinic.ledger.entries() if x.id == kept)
    assert (line.detail["reason"], line.closed) == (PLANTED, "")
    log = clinic.home.ledger / "ledger.log"
    assert PLANTED.encode() not in log.read_bytes()
    assert b"relapse-30d" not in log.read_bytes().partition(b"analyze patient")[2]
    before = clinic.ledger.head()[0]
    clinic.store.erase(who, Entry(TEST, "erase subject", Purpose.CARE, who))
    assert clinic.ledger.verify() == []
    lines = [x for x in clinic.ledger.entries() if x.subject == who]
    assert {x.closed for x in lines if x.seq <= before and x.action == "analyze patient"} == {
        "erased"
    }
    line = next(x for x in lines if x.id == kept)
    assert (line.detail, line.closed) == ({"change": 0}, "erased")
    assert (line.actor, line.action, line.subject) == ("test", "note reason", who)
    assert clinic.store.verify() == []
    code, shown = run(capsys, "ledger", "show", "--home", clinic.home.path, "--subject", who)
    assert code == 0
    assert [x["id"] for x in shown["entries"] if x.get("closed") == "erased"]
    assert PLANTED not in json.dumps(shown)


class FullDisk:
    """The machine's own calls, but nothing more can be written."""

    def __init__(self, real):
        self.real, self.full = real, False

    def __getattr__(self, name):
        return getattr(self.real, name)

    def pwrite(self, handle, data, offset):
        if self.full:
            raise OSError(28, "No space left on device")
        return self.real.pwrite(handle, data, offset)


def test_if_the_ledger_cannot_be_written_the_request_fails(api):
    files = api.clinic.ledger._files
    files.disk = disk = FullDisk(files.disk)
    assert api.ask().status_code == 200
    head = api.clinic.ledger.head()
    disk.full = True
    for call in (api.ask, lambda: api.ask(patient_id="nobody")):
        said = call()
        assert (said.status_code, slug(said)) == (503, "ledger")
        assert "probability" not in said.text
    assert api.send("GET", "/readyz").status_code == 503
    assert api.clinic.ledger.head() == head  # nothing of it is in the ledger
    disk.full = False
    assert api.ask().status_code == 200
    assert api.clinic.ledger.verify() == []


def test_the_commands(tmp_path, capsys):
    home, shared, key = tmp_path / "home", tmp_path / "shared", tmp_path / "w.key"
    assert run(capsys, "--home", home, "init")[0] == 0
    assert run(capsys, "--home", home, "ledger", "verify")[1]["first_key_here"]
    named = run(capsys, "ledger", "witness", "--init", "--key", key, "--name", "ward.example/w1")[1]
    settings = home / "euthymia.toml"
    text = settings.read_text().replace("witnesses = []", f'witnesses = ["{named["witness"]}"]')
    text = text.replace("# witness_folder = ", f'witness_folder = "{shared}"')
    settings.write_text(text)
    assert run(capsys, "--home", home, "init")[0] == 0
    code, found = run(capsys, "--home", home, "verify")
    assert code == 1
    assert any("signed nothing yet" in problem for problem in found["problems"])
    pub = home / "keys" / "ledger.pub"
    assert run(capsys, "--home", home, "ledger", "checkpoint")[0] == 0
    assert run(capsys, "ledger", "witness", "--key", key, "--log", pub, shared)[0] == 0
    code, said = run(capsys, "ledger", "witness", "--key", key, "--log", pub, tmp_path / "no")
    assert (code, "no such folder" in said["error"]) == (1, True), "a lost share is told"
    assert run(capsys, "--home", home, "verify") == (0, {"ok": True, "problems": []})
    first = tmp_path / "first.key"
    assert run(capsys, "--home", home, "ledger", "take-key", first)[0] == 0
    code, found = run(capsys, "--home", home, "ledger", "verify")
    assert (code, found["first_key_here"]) == (0, False)
    assert found["macs_unchecked"] > 0
    code, found = run(capsys, "--home", home, "ledger", "verify", "--first-key", first)
    assert (code, found["macs_unchecked"]) == (0, 0)
    assert main(["--home", str(home), "ledger", "take-key", str(tmp_path / "again")]) == 1
    assert oct(first.stat().st_mode & 0o777) == "0o600"


BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."


def required(event):
    """Check what FHIR R4 requires of an AuditEvent, and the BALP profile that it names."""
    assert event["resourceType"] == "AuditEvent"
    assert event["type"]["code"] == "rest"
    assert event["recorded"].endswith("+00:00")
    assert event["agent"]
    assert all(isinstance(agent["requestor"], bool) for agent in event["agent"])
    assert event["source"]["observer"]
    assert event["action"] in set("CRUDE")
    assert event["outcome"] in {"0", "4", "8", "12"}
    profiles = event.get("meta", {}).get("profile", [])
    assert len(profiles) <= 1
    return profiles[0].removeprefix(BALP) if profiles else None


def of_type(parts, code):
    return [p for p in parts if code in json.dumps(p["type"])]


def balp(event, profile):
    verb = profile.removeprefix("Patient")
    action = {"Read": "R", "Create": "C", "Update": "U", "Delete": "D"}[verb]
    assert (event["action"], event["outcome"]) == (action, "0")
    assert [s["code"] for s in event["subtype"]] == [verb.lower()]
    client, server = {
        "Read": ("110152", "110153"),
        "Delete": ("110150", "custodian"),
    }.get(verb, ("110153", "110152"))
    for code in (client, server):
        (agent,) = of_type(event["agent"], f'"{code}"')
        assert agent["who"]
        assert agent["network"]["address"]
        assert "media" not in agent
    users = [a for a in event["agent"] if a["requestor"]]
    assert len(users) == 1
    assert users[0]["who"]["identifier"]["value"]
    assert "network" not in users[0]
    (data,) = of_type(event["entity"], '"2"')
    assert data["role"]["code"] in {"3", "4", "20"}
    assert data["what"]["identifier"]["value"]
    people = of_type(event["entity"], '"1"')
    assert len(people) == profile.startswith("Patient")
    for person in people:
        assert (person["role"]["code"], person["what"]["type"]) == ("1", "Patient")
    for request in of_type(event["entity"], "XrequestId"):
        assert request["what"]["identifier"]["value"]


def test_audit_events_follow_the_patterns(api, tmp_path, capsys):
    assert api.ask().status_code == 200
    assert api.ask(patient_id=NO_CONSENT).status_code == 403
    who = subject_of(api.clinic, "MRN-2")
    api.clinic.store.erase(who, Entry(TEST, "erase subject", Purpose.CARE, who))
    home, out = api.clinic.home.path, tmp_path / "audit.ndjson"
    code, told = run(capsys, "ledger", "export", "--home", home, "--fhir", out)
    events = [json.loads(line) for line in out.read_text().splitlines()]
    assert (code, told["events"]) == (0, len(events))
    assert out.stat().st_mode & 0o777 == 0o600
    log = home / "ledger" / "ledger.log"
    (link := tmp_path / "link").symlink_to(tmp_path / "not yet")
    before = log.read_bytes()
    for taken in (log, home / "keys" / "tree", out, link, tmp_path / "x" / "y"):
        assert run(capsys, "ledger", "export", "--home", home, "--fhir", taken)[0] == 1
    assert log.read_bytes() == before
    assert len({event["id"] for event in events}) == len(events)
    named = [(event, required(event)) for event in events]
    for event, profile in named:
        if profile is not None:
            balp(event, profile)
        else:
            assert event["action"] == "E" or event["outcome"] != "0"
    assert {"PatientRead", "PatientDelete", "Create", "Update"} <= {p for _, p in named if p}
    assert sum(event["outcome"] == "4" for event in events) >= 1
    assert MINE not in out.read_text()  # the pseudonym, never an identifier of a source
    assert SourceId(MRN, MINE)


def test_a_checkpoint_reads_as_other_logs_write_it(api):
    note = api.clinic.ledger.signed_checkpoint().decode()
    text, _, lines = note.partition("\n\n")
    origin, size, root = text.split("\n")
    assert origin.startswith("euthymia/ledger/")
    assert int(size) == api.clinic.ledger.head()[0] + 1
    assert len(base64.b64decode(root)) == 32
    assert lines.startswith(f"\N{EM DASH} {origin} ")
    assert Path(api.clinic.home.ledger / "ledger.log").is_file()
