"""The commands on keys and copies, as they are typed."""

import os
import pty
import select
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from euthymia.app import vaults
from whole_clinic import call, run

PHRASE = "a sentence that nobody knows\n"


@pytest.fixture
def phrase(tmp_path: Path) -> Path:
    file = tmp_path / "phrase"
    file.write_text(PHRASE)
    file.chmod(0o600)
    return file


def test_an_erasure_without_a_terminal_has_to_be_meant(home: Path) -> None:
    subject = run(home, "show")["subjects"][0]
    code, result = call(home, "erase", subject)
    assert code == 1
    assert "nothing was erased" in result["error"]
    assert "--yes" in result["error"]
    assert subject in run(home, "show")["subjects"]
    erased = run(home, "erase", subject, "--yes")
    assert erased["models"] == []
    assert subject not in run(home, "show")["subjects"]
    assert run(home, "verify")["ok"]


def test_status_and_rotation(home: Path) -> None:
    people = len(run(home, "show")["subjects"])
    before = run(home, "keys", "status")
    assert before["root"] == {"kind": "key-file"}
    live = before["zones"]["live"]["epochs"]
    assert [epoch["subjects"] for epoch in live] == [people]
    made = run(home, "keys", "rotate")["zones"]
    assert made["live"]["blocks"] == live[0]["blocks"] > people
    assert set(made) == {"live", "research", "train", "ledger"}
    after = run(home, "keys", "status")["zones"]["live"]
    assert after["epochs"] == [{**live[0], "epoch": live[0]["epoch"] + 1}]
    assert not after["unfinished"]
    assert call(home, "keys", "rotate", "--zone", "model")[0] == 1
    assert run(home, "verify")["ok"]


def test_a_backup_and_its_restoration(home: Path, tmp_path: Path) -> None:
    subject = run(home, "show")["subjects"][0]
    made = run(home, "backup", str(tmp_path / "backup"))
    assert made["files"] > 5
    run(home, "erase", subject, "--yes")
    code, result = call(home, "restore", str(tmp_path / "backup"))
    assert code == 1
    assert "--replace" in result["error"]
    restored = run(tmp_path / "new", "restore", str(tmp_path / "backup"))
    assert restored["erased_again"] == 1
    assert restored["entries_rolled_back"] > 0
    assert subject not in run(tmp_path / "new", "show")["subjects"]
    assert run(tmp_path / "new", "verify")["ok"]


def test_a_clinic_behind_a_passphrase(tmp_path: Path, phrase: Path) -> None:
    home = tmp_path / "clinic"
    run(home, "init", "--root", "passphrase", "--secret-file", str(phrase))
    assert not (home / "keys" / "master.key").exists()
    assert run(home, "keys", "status")["root"]["kind"] == "passphrase"
    kept = phrase.read_bytes()
    phrase.write_text("another sentence altogether\n")
    code, result = call(home, "keys", "status")
    assert code == 1
    assert "passphrase does not open" in result["error"]
    phrase.write_bytes(kept)
    run(home, "keys", "rotate", "--root", "key-file")
    phrase.unlink()
    assert run(home, "keys", "status")["root"]["kind"] == "key-file"
    assert run(home, "verify")["ok"]


def test_a_key_file_that_others_may_read_is_told(tmp_path: Path) -> None:
    home, key = tmp_path / "clinic", tmp_path / "away.key"
    run(home, "init", "--master-key", str(key))
    assert run(home, "verify")["ok"]
    key.chmod(0o644)
    code, found = call(home, "verify")
    assert code == 1
    assert [p for p in found["problems"] if "others may read the key file" in p]
    key.chmod(0o600)
    assert run(home, "verify")["ok"]


def test_a_passphrase_from_a_descriptor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "clinic"
    vaults._from_descriptor.cache_clear()  # another test's pipe may have had the same number
    end, start = os.pipe()
    os.write(start, PHRASE.encode())
    os.close(start)
    monkeypatch.setenv("EUTHYMIA_KEY_SECRET_FD", str(end))
    run(home, "init", "--root", "passphrase")
    assert run(home, "keys", "status")["root"]["kind"] == "passphrase"
    monkeypatch.delenv("EUTHYMIA_KEY_SECRET_FD")
    code, result = call(home, "keys", "status")
    assert code == 1
    assert "nobody to ask" in result["error"]


def at_a_terminal(
    home: Path, *words: str, answers: list[str], patience: float = 0.0
) -> tuple[int, str]:
    """Run a command as somebody at a terminal who answers, after a while, what they are asked."""
    child, end = pty.fork()
    if child == 0:
        line = [sys.executable, "-m", "euthymia", "--home", str(home), *words]
        os.execv(line[0], line)
    said, left = b"", list(answers)
    with suppress(OSError):  # the terminal is gone when the command ends
        while part := os.read(end, 4096):
            said += part
            if said.rstrip().endswith(b":") and left:
                while select.select([end], [], [], patience)[0]:
                    said += os.read(end, 4096)
                said += b"(typed)"
                os.write(end, left.pop(0).encode() + b"\n")
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()


def test_a_new_passphrase_is_typed_twice_for_after_a_slip_nothing_would_open(
    tmp_path: Path, phrase: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, right = tmp_path / "clinic", PHRASE.strip()
    answers = [right, right + "x", right, right]
    code, said = at_a_terminal(home, "init", "--root", "passphrase", answers=answers)
    assert code == 0, said
    assert "do not match" in said
    assert said.count("the same again") == 2
    assert "the passphrase of the clinic's keys" not in said, "not a third time"
    code, said = at_a_terminal(
        home, "keys", "rotate", "--root", "passphrase", answers=[right, "x" * 20, "x" * 20]
    )
    assert code == 0, said
    phrase.write_text("x" * 20 + "\n")
    monkeypatch.setenv("EUTHYMIA_KEY_SECRET_FILE", str(phrase))
    assert run(home, "keys", "status")["root"]["kind"] == "passphrase"


def test_a_question_is_not_wiped_out_by_the_bar_of_the_command_that_asks(tmp_path: Path) -> None:
    home, right = tmp_path / "clinic", PHRASE.strip()
    code, said = at_a_terminal(home, "init", "--root", "passphrase", answers=[right, right])
    assert code == 0, said
    for line in (["backup", str(tmp_path / "copy")], ["verify"]):
        code, said = at_a_terminal(home, *line, answers=[right])
        assert code == 0, said
    line = ["restore", str(tmp_path / "copy")]
    code, said = at_a_terminal(tmp_path / "new", *line, answers=[right] * 3, patience=1.0)
    assert code == 0, said
    asked = said.index("the passphrase of the clinic's keys: ")
    assert "\x1b[2K" not in said[asked : said.index("(typed)")], "nothing is drawn over it"


def test_a_secret_is_no_argument(tmp_path: Path) -> None:
    for option in ("--passphrase", "--pin", "--token"):
        assert call(tmp_path / "x", "init", "--root", "passphrase", option, "secret")[0] == 2
    assert call(tmp_path / "x", "init", "--root", "openbao", "--root-setting", "address")[0] == 2
    code, result = call(tmp_path / "x", "init", "--root", "openbao", "--root-setting", "key=a")
    assert code == 1
    assert "address" in result["error"]
    assert not (tmp_path / "x" / "keys").exists()
