"""Each check of the evidence finds what it looks for: one that cannot would be green for ever."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from euthymia.app.backup import CONTENT, back_up
from euthymia.app.clinic import Clinic
from euthymia.app.evidence import checks
from euthymia.app.evidence.checks import Place
from euthymia.app.evidence.packages import Package
from small_clinic import NOW, copied_clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    with copied_clinic(tmp_path) as opened:
        yield opened


def told(name: str, clinic: Clinic, later: timedelta = timedelta(), *packages: Package) -> str:
    return str(getattr(checks, f"_{name}")(Place(clinic, packages, NOW + later)))


def settle(clinic: Clinic, part: str, **said: Any) -> None:
    own = replace(getattr(clinic.config, part), **said)
    clinic.config = replace(clinic.config, **{part: own})


FAULTS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    # check, part of the settings, as it should be, as it should not
    ("witness", "ledger", {"witnesses": ("w",)}, {"witnesses": ()}),
    ("sender_constrained", "api", {"sender_constrained": True}, {"sender_constrained": False}),
    ("sessions", "accounts", {"idle_minutes": 15, "session_hours": 12}, {"idle_minutes": 16}),
    ("sessions", "accounts", {"idle_minutes": 15, "session_hours": 12}, {"session_hours": 13}),
    ("limits", "serve", {}, {"rate_per_address": 0}),
    ("limits", "serve", {}, {"rate_per_token": 0}),
    ("tls", "serve", {"host": "127.0.0.1"}, {"host": "0.0.0.0"}),
    ("key_root", "keys", {"master": "/elsewhere/key"}, {"master": None}),
]


@pytest.mark.parametrize(("check", "part", "good", "bad"), FAULTS)
def test_a_setting_is_found(
    clinic: Clinic, check: str, part: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    settle(clinic, part, **good)
    assert told(check, clinic) == ""
    settle(clinic, part, **bad)
    assert told(check, clinic) != ""


def test_a_root_key_that_is_named_in_the_home_lies_in_it(clinic: Clinic) -> None:
    settle(clinic, "keys", master=str(clinic.home.path / "keys" / ".." / "root"))
    assert "the root key lies in the home" in told("key_root", clinic)


def test_files_that_others_can_read_are_found(clinic: Clinic) -> None:
    assert told("file_modes", clinic) == ""
    for file, mode in ((clinic.home.keys, 0o750), (clinic.home.database, 0o604)):
        before = file.stat().st_mode
        file.chmod(mode)
        assert told("file_modes", clinic).startswith("1 files or folders are open"), file
        file.chmod(before)


def test_a_backup_counts_while_it_is_new_and_whole(clinic: Clinic, tmp_path: Path) -> None:
    missing = "no whole backup is where it was written"
    assert missing in told("backup", clinic)
    back_up(clinic, tmp_path / "copy", with_root=False, progress=lambda _done, _of: None)
    assert told("backup", clinic, timedelta(days=7)) == ""
    assert "older than 7 days" in told("backup", clinic, timedelta(days=7, seconds=1))
    assert missing in told("backup", clinic, -timedelta(days=1))  # its date is not to be trusted
    content = max((f for f in (tmp_path / "copy" / CONTENT).rglob("*") if f.is_file()),
                  key=lambda f: f.stat().st_size)  # fmt: skip
    whole = content.read_bytes()
    content.write_bytes(whole[:-1])
    assert missing in told("backup", clinic)
    content.write_bytes(whole)
    assert told("backup", clinic) == ""
    manifest = tmp_path / "copy" / "manifest"
    raw = manifest.read_bytes()
    manifest.write_bytes(raw.replace(b"2026-03-02T12", b"2026-03-02T11"))  # another's word
    assert raw != manifest.read_bytes()
    assert missing in told("backup", clinic)


def test_a_released_model_that_may_not_be_loaded_is_found(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert told("models", clinic) == ""
    looked: list[bytes] = []
    monkeypatch.setattr(checks, "check_bytes", looked.append)
    assert told("models", clinic) == ""
    assert len(looked) == 1
    bundle = next(p for p in clinic.home.models.iterdir() if p.stat().st_size > 10_000)
    bundle.write_bytes(bundle.read_bytes()[:-1])
    assert "problems of models" in told("models", clinic)


def test_packages_that_are_not_as_installed_or_not_free_are_named(clinic: Clinic) -> None:
    fine = Package("numpy", "2", "BSD License", (), 0, unread=False)
    assert told("packages", clinic, timedelta(), fine) == ""
    assert (
        told("packages", clinic, timedelta(), fine, replace(fine, name="euthymia", unread=True))
        == ""
    )
    for change, what in (
        ({"changed": 1}, "files are not as installed: numpy"),
        ({"unread": True}, "no record of files: numpy"),
        ({"licence": "GPL v3"}, "licence to be looked at: numpy"),
    ):
        assert told("packages", clinic, timedelta(), replace(fine, **change)) == what
    assert "cannot be told" in told("packages", clinic)


@pytest.mark.parametrize(
    ("cipher", "good"),
    [
        ("TLS_AES_128_GCM_SHA256", True),
        ("ECDHE-RSA-CHACHA20-POLY1305", True),
        ("ECDHE-ECDSA-AES256-GCM-SHA384", True),
        ("AES256-GCM-SHA384", False),  # who gets the server's key later reads all
        ("ECDHE-RSA-AES256-SHA384", False),
    ],
)
def test_ciphers_without_forward_secrecy_or_seal_are_told(cipher: str, good: bool) -> None:
    assert checks._forward_secret(cipher) == good
