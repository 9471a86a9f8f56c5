"""`euthymia user`: from the shell to the sealed book, and back out again."""

import fcntl
import json
import threading
from pathlib import Path

from edge_server import trusting
from euthymia.app import served_at, users
from euthymia.app.clinic import Clinic
from small_clinic import copied_clinic
from whole_clinic import call


def test_users_are_added_listed_disabled_and_reset(tmp_path: Path):
    with copied_clinic(tmp_path) as clinic:
        home = clinic.home.path
    assert call(home, "user", "list") == (0, {"users": []})
    code, made = call(home, "user", "add", "dr-lee", "--role", "clinician")
    assert code == 0, made
    assert made["enrol"].startswith("http://127.0.0.1:8080/enrol#code=")
    assert call(home, "user", "add", "dr-lee", "--role", "it")[0] == 1
    assert call(home, "user", "add", "pat", "--role", "patient")[0] == 1
    code, again = call(home, "user", "reset", "dr-lee")
    assert code == 0
    assert again["enrol"] != made["enrol"]
    assert call(home, "user", "disable", "dr-lee")[0] == 0
    (listed,) = call(home, "user", "list")[1]["users"]
    assert (listed["user"], listed["role"], listed["state"]) == ("dr-lee", "clinician", "disabled")
    assert call(home, "user", "enable", "dr-lee")[0] == 0
    assert call(home, "user", "list")[1]["users"][0]["state"] == "invited"
    with Clinic.opened(home) as clinic:
        told = [e.action for e in clinic.ledger.entries() if e.action.endswith(" user")]
    assert told == ["add user", "reset user", "disable user", "enable user"]
    assert call(home, "verify")[0] == 0


def test_a_link_leads_to_where_the_server_is(tmp_path: Path):
    with copied_clinic(tmp_path) as clinic:
        home = clinic.home.path
    _, paths = trusting(tmp_path / "tls", "ward.example")
    settings = home / "euthymia.toml"
    lines = "".join(f"{name} = {json.dumps(path)}\n" for name, path in paths.items())
    settings.write_text(settings.read_text().replace("[serve]\n", f"[serve]\n{lines}"))
    assert call(home, "init")[0] == 0, "the settings are accepted"
    code, made = call(home, "user", "add", "dr-lee", "--role", "clinician")
    assert code == 0, made
    assert made["enrol"].startswith("https://ward.example:8080/enrol#code=")


def test_verify_finds_a_changed_and_an_older_book(tmp_path: Path):
    with copied_clinic(tmp_path) as clinic:
        home = clinic.home.path
    book = home / "accounts.sealed"
    call(home, "user", "add", "dr-lee", "--role", "clinician")
    old = book.read_bytes()
    call(home, "user", "disable", "dr-lee")
    new = book.read_bytes()
    for raw in (old, new[:40] + bytes([new[40] ^ 1]) + new[41:], b""):
        book.write_bytes(raw)
        code, found = call(home, "verify")
        assert code == 1
        assert any(problem.startswith("accounts:") for problem in found["problems"])
    book.write_bytes(new)
    assert call(home, "verify")[0] == 0


def test_a_link_names_the_server_that_runs(tmp_path: Path):
    with copied_clinic(tmp_path) as clinic:
        home, keyring = clinic.home, clinic.keyring
        usual = users.base_url(clinic)
        with served_at.told(home, keyring, "http://127.0.0.1:9"):
            assert users.base_url(clinic) == "http://127.0.0.1:9"
            with served_at.told(home, keyring, "http://127.0.0.1:10"):  # a second server
                assert users.base_url(clinic) == "http://127.0.0.1:9"
            said = home.served.read_bytes()
            home.served.write_bytes(said.replace(b":9", b":7"))  # somebody else's words
            assert users.base_url(clinic) == usual
        home.served.write_bytes(said)  # what a killed server leaves behind
        assert users.base_url(clinic) == usual == "http://127.0.0.1:8080"


def test_a_server_that_starts_while_somebody_looks_says_where_it_is(tmp_path: Path):
    with copied_clinic(tmp_path) as clinic:
        home, keyring = clinic.home, clinic.keyring
        home.served.touch(0o600)
        with home.served.open() as looking:
            fcntl.flock(looking, fcntl.LOCK_SH)
            soon = threading.Timer(0.03, fcntl.flock, (looking, fcntl.LOCK_UN))
            soon.start()
            with served_at.told(home, keyring, "http://127.0.0.1:9"):
                soon.join()
                assert users.base_url(clinic) == "http://127.0.0.1:9"
