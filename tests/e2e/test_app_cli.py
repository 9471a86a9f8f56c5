"""Every command, as a person would call it."""

import errno
import gzip
import json
import os
import re
import socket
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from euthymia import __version__
from euthymia.app.cli import cli, main
from euthymia.app.clinic import Clinic
from euthymia.app.commands import COMMANDS
from euthymia.app.serving import address_of
from real import DATA, needs_data
from whole_clinic import call, run


def _leaves() -> list[tuple[str, ...]]:
    """Return the words of every command that does something: `keys rotate`, not `keys`."""
    found: list[tuple[str, ...]] = []
    for command in COMMANDS:
        inside = command.commands if isinstance(command, click.Group) else {"": command}
        found += [(str(command.name), *filter(None, [name])) for name in inside]
    return found


@pytest.mark.parametrize("words", _leaves(), ids=" ".join)
def test_help_has_an_example_and_the_common_options(words: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(cli, [*words, "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"Examples?: (TOKEN=\$\()?euthymia {' '.join(words)}\b", shown.output)
    assert "--home" in shown.output
    assert "--json" in shown.output


@pytest.mark.parametrize(
    "group", [c for c in COMMANDS if isinstance(c, click.Group)], ids=lambda group: str(group.name)
)
def test_help_of_a_group_has_an_example(group: click.Group) -> None:
    shown = CliRunner().invoke(cli, [str(group.name), "--help"])
    assert shown.exit_code == 0
    assert re.search(rf"Examples?: euthymia {group.name}\b", shown.output)


def test_wrong_usage_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--subjects", "many"]) == 2
    assert "--subjects" in capsys.readouterr().err
    assert main(["nonsense"]) == 2


@pytest.mark.parametrize(
    "line",
    [
        "features --plot S-1 --tz Europe/Oslo",
        "features --plot S-1 --segments night",
        "features --tz Europe/Oslo",
        "features --input in --out f.csv --segments ,",
        "features --input in --out f.csv --families=",
        "compute-shards shards --out o --scheduler tls://10.0.0.1:8786",
        "compute-shards shards --out o --executor pool --certificates c",
        "compute-shards shards --out o --executor dask --scheduler tls://10.0.0.1:8786",
        "init --secret-file phrase",
        "init --root key-file --secret-fd 3",
        "init --root-setting module=m",
        "init --root passphrase --root-setting token=t",
        "init --root openbao --root-setting module=m",
        "init --root passphrase --master-key k",
        "keys rotate --secret-file phrase",
        "keys rotate --root-setting token=t",
        "keys rotate --root key-file --zone live",
    ],
)
def test_an_option_that_would_be_ignored_is_wrong_usage(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(tmp_path), *line.split()]) == 2
    assert "--" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ("--consent-for-clinical-records",),
        ("--root", "passphrase"),
        ("--master-key", "elsewhere.key"),
        ("--name", "Clinic"),
    ],
)
def test_what_makes_a_clinic_is_not_passed_over_where_one_stands(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "clinic"
    run(home, "init")
    capsys.readouterr()
    assert main(["init", "--home", str(home), *options]) == 2
    said = capsys.readouterr().err
    assert options[0] in said
    assert "euthymia.toml" in said
    run(home, "init")


def test_a_home_that_is_not_there_is_a_refusal(tmp_path: Path) -> None:
    code, result = call(tmp_path / "none", "verify")
    assert code == 1
    assert "euthymia init" in result["error"]


def test_options_may_stand_before_or_after_the_command(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "--json", "show"]) == 0
    before = capsys.readouterr().out
    assert main(["show", "--home", str(home), "--json"]) == 0
    assert capsys.readouterr().out == before
    assert json.loads(before)["subjects"]


def test_ingest_counts_every_row(built_home: Path, home: Path) -> None:
    again = run(home, "ingest", str(built_home.parent / "incoming"))
    assert {"rows_in", "stored", "rejected", "duplicates", "files"} <= set(again)
    assert again["stored"] == 0
    assert again["rows_in"] == again["rejected"] + again["duplicates"] > 10_000


def test_features_are_computed_once(home: Path) -> None:
    again = run(home, "features")
    assert again["computed"] == 0
    assert again["rows"] == sum(again["families"].values()) > 0
    assert again["families"]["instrument_scores"] > 0  # from the record, not from a stream


def test_export_is_readable_and_says_who_saw_it(home: Path, tmp_path: Path) -> None:
    subject = run(home, "show")["subjects"][0]
    out = tmp_path / "out"
    result = run(home, "export", subject, "--out", str(out))
    assert {"person.json", "observations.csv", "consents.json", "who-saw-it.csv"} <= set(
        result["files"]
    )
    assert json.loads((out / "person.json").read_text())["name"]
    assert "export subject" in (out / "who-saw-it.csv").read_text()
    code, _ = call(home, "export", subject, "--out", str(out))
    assert code == 1, "an export never writes over files"


def test_tokens_are_for_known_roles(home: Path) -> None:
    assert run(home, "token", "--role", "clinician")["token"].count(".") == 2
    code, result = call(home, "token", "--role", "king")
    assert code == 1
    assert "clinician" in result["error"]


def test_consent_of_somebody_whose_data_has_yet_to_come(home: Path, tmp_path: Path) -> None:
    result = run(
        home, "consent", "actigraph:AW-NEW", "--grant", "monitoring", "--because", "form 3"
    )
    assert [c["purpose"] for c in result["consents"]] == ["monitoring"]
    data = tmp_path / "AW-NEW.csv"
    data.write_text("timestamp,date,activity\n2026-03-02 10:00:00,2026-03-02,5\n")
    taken = run(home, "ingest", str(data))
    assert (taken["rows_in"], taken["stored"]) == (1, 1)
    assert run(home, "show", result["subject"])["streams"]["activity_counts"]["rows"] == 1


def test_a_batch_consent_needs_its_reason(home: Path, tmp_path: Path) -> None:
    data = tmp_path / "AW-X.csv"
    data.write_text("timestamp,date,activity\n2026-03-02 10:00:00,2026-03-02,5\n")
    assert call(home, "ingest", str(data), "--consent", "monitoring")[0] == 1
    for _ in range(2):  # the file is read again: what it lacks may be there by then
        code, refused = call(home, "ingest", str(data))
        assert (code, refused["stored"], refused["rejected"]) == (1, 0, 1)
    listed = run(home, "rejects")["rejects"]
    assert any("no consent in force for monitoring" in reject["reason"] for reject in listed)
    given = run(home, "ingest", str(data), "--consent", "monitoring", "--because", "public data")
    assert given["stored"] == 1


def test_an_ingest_that_took_nothing_in_fails_and_still_counts(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = tmp_path / "in" / "notes.txt", tmp_path / "in" / "AW-Y.csv"
    bad.parent.mkdir()
    bad.write_text("no reader knows this\n")
    assert main(["--home", str(home), "ingest", str(bad.parent)]) == 1
    told = capsys.readouterr().out
    assert "1 rows in = 0 stored + 1 rejected + 0 duplicates" in told
    assert "nothing was taken in" in told
    good.write_text("timestamp,date,activity\n2026-03-02 10:00:00,2026-03-02,5\n")
    consent = ["--consent", "monitoring", "--because", "public data"]
    assert run(home, "ingest", str(bad.parent), *consent)["stored"] == 1
    assert run(home, "ingest", str(good), *consent)["duplicates"] == 1
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run(home, "ingest", str(empty))["rows_in"] == 0


def test_features_of_a_folder_without_data_are_a_refusal(tmp_path: Path) -> None:
    empty, out = tmp_path / "in", tmp_path / "out.parquet"
    empty.mkdir()
    code, told = call(tmp_path, "features", "--input", str(empty), "--out", str(out))
    assert code == 1
    assert "holds no file with data" in told["error"]
    (empty / "A.csv").write_text("timestamp,date,activity\n2026-03-02 10:00:00,2026-03-02,x\n")
    code, told = call(tmp_path, "features", "--input", str(empty), "--out", str(out))
    assert code == 1
    assert (told["rows"], told["rejected"]) == (0, 1)


def test_a_refusal_stands_without_a_bar_of_what_was_not_begun(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["features", "--input", str(tmp_path), "--out", str(tmp_path / "f.csv")]
    assert main(line) == 1
    assert capsys.readouterr().err.startswith("refused: ")


def test_a_set_of_certificates_that_takes_the_place_of_another_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["certificates", "--server", "clinic.lan", str(tmp_path / "set")]
    assert main(line) == 0
    assert "replaced" not in capsys.readouterr().out
    assert main(line) == 0
    assert "the set that was there is replaced" in capsys.readouterr().out


def test_a_new_clinics_figures_say_once_that_there_are_too_few_people(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "clinic"
    run(home, "init")
    capsys.readouterr()
    assert main(["quality", "--home", str(home)]) == 0
    said = capsys.readouterr().out
    assert said.count("too few people to tell") == 1
    assert "alerts per 100 patient-days, now" in said, "what is not told is named"


def test_a_place_that_takes_no_file_is_told_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file" / "out.csv", Path("/proc/none/out.csv")):
        code, told = call(tmp_path, "features", "--input", str(tmp_path), "--out", str(out))
        assert code == 1
        assert f"{out}: no file can be written there" in told["error"]
    code, told = call(
        tmp_path, "features", "--input", str(tmp_path / "none"), "--out", str(tmp_path / "f/f.csv")
    )
    assert "does not exist" in told["error"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]  # nothing half written stays


def test_a_port_that_was_asked_for_and_is_taken_is_a_refusal(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for command in (("serve",), ("demo", "--subjects", "30", "--days", "60")):
            code, told = call(home, *command, "--port", str(port))
            assert code == 1
            assert f"port {port} of 127.0.0.1 is taken" in told["error"]
        with Clinic.opened(home) as clinic:
            serve = replace(clinic.config.serve, port=port)
            clinic.config = replace(clinic.config, serve=serve)
            address = address_of(clinic, host=None, port=None, user="clinician")
        assert address.port != port
        assert f"port {port} is taken; the next free one is {address.port}" in address.words()


def test_the_worklist_is_for_the_care_team(home: Path) -> None:
    assert run(home, "worklist", "--user", "nobody-here")["worklist"] == []
    subject = run(home, "show")["subjects"][0]
    added = run(home, "care-team", subject, "--add", "dr-lee")
    assert "dr-lee" in added["care_team"]
    assert added["no_account"] == ["dr-lee"]
    run(home, "worklist", "--user", "dr-lee")


def test_what_a_person_reads_is_no_program_text(
    home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    subject = run(home, "show")["subjects"][0]
    capsys.readouterr()
    assert main(["--home", str(home), "show", subject]) == 0
    assert main(["--home", str(home), "consent", subject]) == 0
    small = ["--subjects", "1", "--days", "14", "--out", str(tmp_path / "s")]
    assert main(["simulate", *small]) == 0
    told = capsys.readouterr().out
    assert subject in told
    assert not re.search(r"[{}\[\]]|None|True|False", told), told


def test_a_simulation_is_of_fourteen_days_or_more(tmp_path: Path) -> None:
    assert main(["simulate", "--subjects", "1", "--days", "13", "--out", str(tmp_path / "s")]) == 2


def test_an_empty_worklist_says_how_to_fill_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(home), "worklist", "--user", "nobody-here"]) == 0
    assert "care-team SUBJECT --add USER" in capsys.readouterr().out
    subject = run(home, "show")["subjects"][0]
    _, result = call(home, "analyze", subject, "--user", "nobody-here")
    assert "care-team SUBJECT --add USER" in result["error"]


def test_a_report_that_cannot_be_written_is_refused_before_the_training(
    home: Path, tmp_path: Path
) -> None:
    before = run(home, "models")
    code, result = call(home, "train", "relapse-30d", "--report", str(tmp_path / "none" / "r.html"))
    assert code == 1
    assert "nothing was trained" in result["error"]
    assert run(home, "models") == before


def test_the_limit_of_rejects_holds_in_json_too(home: Path, tmp_path: Path) -> None:
    for name in ("AW-1", "AW-2"):
        data = tmp_path / f"{name}.csv"
        data.write_text("timestamp,date,activity\n2026-03-02 10:00:00,2026-03-02,5\n")
        call(home, "ingest", str(data))
    assert len(run(home, "rejects")["rejects"]) >= 2
    assert len(run(home, "rejects", "--limit", "1")["rejects"]) == 1


def test_a_folder_with_other_files_keeps_its_rights(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir(mode=0o755)
    (folder / "other").touch()
    run(folder, "init")
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "keys").stat().st_mode & 0o777 == 0o700
    alone = tmp_path / "alone"
    run(alone, "init")
    assert alone.stat().st_mode & 0o777 == 0o700


def test_a_home_without_its_settings_says_what_to_do(tmp_path: Path) -> None:
    home = tmp_path / "clinic"
    run(home, "init")
    (home / "euthymia.toml").unlink()
    for command in ("init", "show"):
        code, result = call(home, command)
        assert code == 1
        assert "restore it from a backup" in result["error"]


@needs_data
@pytest.mark.parametrize(
    ("folder", "rows"),
    [
        ("fhir", 5002),
        pytest.param("questionnaires", None, marks=pytest.mark.slow),  # 17,000 people
        ("wearable_stress", None),
        ("phone", None),
    ],
)
def test_real_data_is_stored_without_a_lost_row(
    tmp_path: Path, folder: str, rows: int | None
) -> None:
    _stored_once(tmp_path / "clinic", DATA / folder, rows)


@needs_data
def test_the_first_answers_of_a_real_survey_are_stored_without_a_lost_row(tmp_path: Path) -> None:
    whole = gzip.decompress((DATA / "questionnaires" / "DPQ_E.xpt.gz").read_bytes())
    title = b"HEADER RECORD*******OBS     HEADER RECORD!!!!!!!".ljust(78, b"0") + b"  "
    start = whole.index(title) + 80
    file = tmp_path / "DPQ_E.xpt"
    file.write_bytes(whole[: start + 500 * 88])  # eleven numbers of eight bytes a person
    _stored_once(tmp_path / "clinic", file, 500)


def _stored_once(home: Path, data: Path, rows: int | None) -> None:
    run(home, "init")
    words = ["--consent", "care,monitoring,research,training", "--because", "public data set"]
    taken = run(home, "ingest", str(data), *words)
    assert taken["rows_in"] == taken["stored"] + taken["rejected"] + taken["duplicates"]
    assert rows is None or taken["rows_in"] == rows
    assert taken["stored"] > 0.9 * taken["rows_in"]
    again = run(home, "ingest", str(data), *words)
    assert again["stored"] == 0
    assert again["rows_in"] == taken["rows_in"]


def test_wrong_usage_says_so_in_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--json"]) == 2
    shown = capsys.readouterr()
    assert "--role" in json.loads(shown.out)["error"]
    assert "--role" in shown.err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{__version__}\n"


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (errno.EACCES, "permission denied: {home}/keys; run the command as the user who owns it"),
        (errno.ENOSPC, "the disk is full: {home}/keys; make room"),
        (errno.EROFS, "the file system is read-only: {home}/keys; "),
    ],
)
def test_what_the_machine_refuses_is_not_called_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, problem: int, says: str
) -> None:
    home = tmp_path / "clinic"

    def fail(*_: object, **__: object) -> None:
        raise OSError(problem, os.strerror(problem), str(home / "keys"))

    monkeypatch.setattr("euthymia.app.clinic.create", fail)
    code, result = call(home, "init")
    assert code == 1
    assert result["error"].startswith(says.format(home=home))


def test_a_path_outside_the_home_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "no", "/exports/Jane Doe")

    monkeypatch.setattr("euthymia.app.clinic.create", fail)
    _, result = call(tmp_path / "clinic", "init")
    assert "permission denied; " in result["error"]
    assert "Jane" not in result["error"]
