"""The whole command line on a PostgreSQL server: made, filled, read, erased and verified."""

from dataclasses import replace
from pathlib import Path

import pytest

from euthymia.store.postgresql import PostgresDatabase, Server
from whole_clinic import call, run


def url(server: Server) -> str:
    return f"postgresql://euthymia@/postgres?host={server.host}&schema={server.schema}"


def test_a_clinic_on_a_server_does_all_that_one_in_a_file_does(
    tmp_path: Path, postgres: Server
) -> None:
    home, incoming = tmp_path / "clinic", tmp_path / "incoming"
    run(home, "init", "--name", "On a server", "--store", url(postgres))
    size = ["--subjects", "3", "--days", "21", "--seed", "5"]
    run(home, "simulate", *size, "--profile", "demo", "--out", str(incoming))
    first = run(home, "ingest", str(incoming))
    assert first["rows_in"] == first["stored"] + first["rejected"] + first["duplicates"]
    assert first["stored"] > 1000
    assert run(home, "ingest", str(incoming))["stored"] == 0
    run(home, "features")
    assert not (home / "clinic.db").exists()
    listed = run(home, "show")["subjects"]
    assert len(listed) == 3
    subject = listed[0]["subject"] if isinstance(listed[0], dict) else listed[0]
    assert run(home, "show", subject)
    assert "items" in run(home, "worklist") or run(home, "worklist")
    run(home, "export", subject, "--out", str(tmp_path / "export"))
    assert any((tmp_path / "export").rglob("*"))
    assert run(home, "verify")["ok"]
    run(home, "erase", subject, "--yes")
    assert call(home, "show", subject)[0] != 0
    assert run(home, "ingest", str(incoming))["stored"] == 0
    assert run(home, "verify")["ok"]
    db = PostgresDatabase(postgres)
    assert db.one("SELECT count(*) FROM subject") == (2,)
    db.run("DELETE FROM block WHERE key = (SELECT min(key) FROM block)")
    db.close()
    code, told = call(home, "verify")
    assert code != 0
    assert any("put back" in problem or "taken away" in problem for problem in told["problems"])


def test_a_backup_of_a_server_becomes_a_file_and_goes_to_another_server(
    tmp_path: Path, postgres: Server
) -> None:
    home, incoming = tmp_path / "clinic", tmp_path / "incoming"
    run(home, "init", "--store", url(postgres))
    size = ["--subjects", "2", "--days", "14", "--seed", "5"]
    run(home, "simulate", *size, "--profile", "demo", "--out", str(incoming))
    run(home, "ingest", str(incoming))
    people = run(home, "show")["subjects"]
    run(home, "backup", str(tmp_path / "backup"))
    run(home, "erase", people[0], "--yes")
    key, back = ["--master-key", str(home / "keys" / "master.key")], str(tmp_path / "backup")

    file = tmp_path / "file"
    told = run(file, "restore", back, *key)
    assert (told["store"], told["from_server_to_file"], told["erased_again"]) == ("sqlite", True, 1)
    assert run(file, "verify")["ok"]
    assert run(file, "show")["subjects"] == people[1:]
    assert run(file, "ingest", str(incoming))["stored"] == 0

    there = replace(postgres, schema=postgres.schema + "_b")
    moved = tmp_path / "moved"
    told = run(moved, "restore", back, *key, "--store", url(there))
    assert (told["store"], told["erased_again"]) == ("postgresql", 1)
    assert not (moved / "clinic.db").exists()
    assert run(moved, "verify")["ok"]
    assert run(moved, "show")["subjects"] == people[1:]
    assert run(moved, "ingest", str(incoming))["stored"] == 0
    code, said = call(tmp_path / "again", "restore", back, *key, "--store", url(there))
    assert (code, "holds data already" in said["error"]) == (1, True)
    assert not (tmp_path / "again").exists()


def test_settings_that_nobody_accepted_lead_to_no_server(tmp_path: Path, postgres: Server) -> None:
    home = tmp_path / "clinic"
    run(home, "init", "--store", url(postgres))
    config = home / "euthymia.toml"
    config.write_text(config.read_text().replace(postgres.host, "/nowhere"))
    code, told = call(home, "verify")
    assert code != 0
    assert any("not spoken to" in problem for problem in told["problems"])
    assert call(home, "show")[0] != 0


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("postgresql://euthymia:secret@db/clinic", "command line"),
        ("postgresql://db/clinic?password=secret", "command line"),
        ("mysql://db/clinic", "postgresql://"),
        ("postgresql://db:99999/clinic", "port"),
        ("postgresql://db/clinic?sslmode=disable", "known after"),
        ("postgresql://db/clinic?schema=Robert';drop", "store.schema"),
        ("postgresql://db/clinic?tls=maybe", "store.tls"),
    ],
)
def test_an_address_that_will_not_do_is_refused(tmp_path: Path, address: str, says: str) -> None:
    code, told = call(tmp_path / "clinic", "init", "--store", address)
    assert code != 0
    assert says in told["error"]
    assert "secret" not in told["error"]
    assert not (tmp_path / "clinic").exists()
