"""A server that goes away, is busy, full of somebody else's rows, or not the one it says it is."""

import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import (
    AccessError,
    BusyError,
    ConsentError,
    EuthymiaError,
    MissingError,
    SchemaError,
)
from euthymia.ground.ids import SubjectId
from euthymia.ground.records import Person
from euthymia.security.key_tree import LIVE
from euthymia.security.keys import Keyring
from euthymia.store import engine, postgresql
from euthymia.store.journal import Journal
from euthymia.store.people import key_place
from euthymia.store.postgresql import VERIFIED, PostgresDatabase, PostgresStore, Server
from euthymia.store.postgresql_copies import take_file
from euthymia.store.postgresql_tables import MIGRATIONS
from euthymia.store.tables import COLUMNS, WHOLE
from postgres import running
from stores import ALL, DAY, MONITOR, NOW, NOW_US, House, audit, facts, mrn, samples, the, times

START = NOW_US - 40 * DAY


@pytest.fixture
def house(tmp_path: Path, postgres: Server) -> Iterator[House]:
    house = House.build(tmp_path, "postgresql", postgres)
    yield house
    house.close()


def second(house: House, server: Server) -> PostgresStore:
    return PostgresStore(server, house.keyring, house.ledger, house.clock)


def fill(house: House) -> None:
    house.ingest([Person(1, (mrn("A1"),), name="Ada Quartermain")], digest="1", name="Ada.json")
    house.ingest([samples("screen", times(START, 3 * 1440))], consent=ALL, digest="2")
    house.ingest([facts([{"row": 1, "code": "a"}, {"row": 2, "code": "b", "subject_id": "B2"}])])


# -- the same bytes --------------------------------------------------------------------------------


def test_the_same_ingest_seals_the_same_blocks_as_in_a_file(
    tmp_path: Path, postgres: Server
) -> None:
    on_server = House.build(tmp_path, "postgresql", postgres)
    fill(on_server)
    on_server.close()
    shutil.rmtree(tmp_path / "ledger")
    in_file = House.build(tmp_path)
    fill(in_file)
    db = PostgresDatabase(postgres)
    for table in ("block", "identifier", "kind", "file_subject", "counter", "directory"):
        query = f"SELECT {COLUMNS[table]} FROM {table} ORDER BY 1, 2"
        assert db.all(query) == in_file.store._db.all(query), table
    db.close()
    in_file.close()


def test_rows_of_a_file_put_on_a_server_open_there(tmp_path: Path, postgres: Server) -> None:
    """Sealed bytes know no engine: what is copied as it is, is read, and verifies."""
    house = House.build(tmp_path)
    fill(house)
    own = audit(action="export subject")
    expected = house.store.samples(the(house), "screen", 0, NOW_US, own)
    house.store.close()
    take_file(postgres, tmp_path / "clinic.db", house.keyring)
    with pytest.raises(EuthymiaError, match="holds data already"):
        take_file(postgres, tmp_path / "clinic.db", house.keyring)
    house.store = second(house, postgres)
    assert house.store.samples(the(house), "screen", 0, NOW_US, own) == expected
    assert house.store.person(the(house), audit()).name == "Ada Quartermain"
    assert house.store.verify() == []
    house.close()


def test_every_column_of_every_table_is_copied(house: House, tmp_path: Path) -> None:
    """On either engine: what a later version adds to a table, it adds to the copies."""
    query = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ?"
    on_server: dict[str, set[str]] = {}
    for table, column in house.store._db.all(query, (house.store._db._server.schema,)):
        on_server.setdefault(table, set()).add(column)
    del on_server["version"]
    db = engine.opened(tmp_path / "made.db", house.keyring)
    tables = [name for (name,) in db.all("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    in_file = {
        table: {row[1] for row in db.all(f"PRAGMA table_info({table})")}
        for table in tables
        if not table.startswith("sqlite_")
    }
    db.close()
    copied = {table: set(columns.split(", ")) for table, columns in WHOLE.items()}
    assert on_server == in_file == copied


def test_a_copy_is_of_one_state_though_others_write_and_holds_back_nobody(
    house: House, tmp_path: Path, postgres: Server
) -> None:
    fill(house)
    state, copy = house.store.verify(), tmp_path / "copy.db"
    counts = house.store._db.all("SELECT count(*), max(number) FROM change")
    other = second(house, postgres)

    def meanwhile() -> None:
        other._db.run("SET lock_timeout = 1")
        grant = GrantRecord(Purpose.CARE, True, 0, None, "x")
        with pytest.raises(BusyError):
            other.put_grant(the(house), grant, audit("set consent"))

    house.store.copy_to(copy, meanwhile)
    assert not list(tmp_path.glob("copy.db-*"))
    db = engine.opened(copy, house.keyring)
    assert db.check() == state == []
    assert db.all("SELECT count(*), max(number) FROM change") == counts
    db.close()
    other.close()

    def full() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):  # and not a word of the server
        house.store.copy_to(tmp_path / "other.db", full)
    assert not (tmp_path / "other.db").exists()


def test_nothing_readable_is_sent_to_the_server(house: House, postgres_folder: Path) -> None:
    fill(house)
    house.store._db.run("CHECKPOINT")
    everything = b"".join(
        path.read_bytes() for path in (postgres_folder / "data").rglob("*") if path.is_file()
    )
    assert house.store._db.label == "database"
    for word in (b"Quartermain", b"Ada.json", b"A1.csv"):
        assert word not in everything


# -- several programs ------------------------------------------------------------------------------


def test_another_program_sees_writes_erasures_and_withdrawals(
    house: House, postgres: Server
) -> None:
    other = second(house, postgres)
    before = other.version()
    house.ingest([samples("screen", times(START, 5))], consent=ALL)
    subject = the(house)
    assert other.version() != before
    assert other.samples(subject, "screen", 0, NOW_US, MONITOR).num_rows == 5
    house.now = NOW + timedelta(minutes=1)
    no = GrantRecord(Purpose.MONITORING, False, NOW_US + 1, None, "")
    house.store.put_grant(subject, no, audit())
    with pytest.raises(ConsentError):
        other.samples(subject, "screen", 0, NOW_US, MONITOR)
    other.put_care_team(subject, ["b"], audit())
    assert house.store.care_team(subject) == {"b"}
    house.store.erase(subject, audit())
    assert other.grants(subject) == ()
    assert other.resolve("A1") is None
    assert other.verify() == []
    other.close()


def test_writers_wait_and_then_say_so(
    house: House, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "BUSY_MS", 50)
    other = second(house, postgres)
    with house.store.grouped():
        batch = house.admit([samples("screen", times(START, 5))], consent=ALL)
        with pytest.raises(BusyError, match="try again"):
            other.append(batch, audit())
    assert other.append(batch, audit()).stored == 5
    other.close()
    assert house.store.verify() == []


def test_two_programs_that_write_at_once_lose_nothing(house: House, postgres: Server) -> None:
    other = second(house, postgres)
    house.ingest([samples("screen", times(START, 1))], consent=ALL)
    failures: list[BaseException] = []

    def write(store: PostgresStore, first: int) -> None:
        try:
            for i in range(first, first + 6):
                store.append(batches[i], audit(action="append"))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    batches = [
        house.admit([samples("screen", times(START + i * 60_000_000, 2))], digest=f"d{i}")
        for i in range(12)
    ]
    threads = [threading.Thread(target=write, args=pair) for pair in ((house.store, 0), (other, 6))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert house.store.samples(the(house), "screen", 0, NOW_US, MONITOR).num_rows == 13
    assert house.store.verify() == []
    other.close()


# -- failures --------------------------------------------------------------------------------------


def cut(house: House, postgres: Server) -> None:
    """End the store's connection at the server, as a restart or an administrator does."""
    pid = house.store._db.one("SELECT pg_backend_pid()")[0]
    other = PostgresDatabase(postgres)
    other.run("SELECT pg_terminate_backend(?::int)", (str(pid),))
    other.close()


def test_a_connection_that_is_lost_is_said_and_made_anew(house: House, postgres: Server) -> None:
    fill(house)
    cut(house, postgres)
    with pytest.raises(EuthymiaError, match="lost"):
        house.store.subjects(audit())
    assert len(house.store.subjects(audit())) == 2
    cut(house, postgres)
    with pytest.raises(EuthymiaError, match="lost"):
        house.ingest([facts([{"row": 1, "code": "z"}])], digest="z")
    assert house.ingest([facts([{"row": 1, "code": "z"}])], digest="z").stored == 1
    assert house.store.verify() == []


def test_a_connection_lost_in_the_middle_of_a_write_takes_it_back(
    house: House, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(house)
    batch = house.admit([samples("screen", times(START + 5 * DAY, 50))], digest="late")
    announce = house.store._journal.before_commit

    def lost() -> None:
        cut(house, postgres)
        announce()

    monkeypatch.setattr(type(house.store._journal), "before_commit", lambda _self: lost())
    with pytest.raises(EuthymiaError, match="lost"):
        house.store.append(batch, audit())
    monkeypatch.undo()
    assert house.store.append(batch, audit()).stored == 50
    assert house.store.verify() == []


def work_until(step: str, folder: Path, server: Server) -> None:
    """Ingest twice; the second time, be gone as soon as that step of the journal is done."""
    house = House.build(folder, "postgresql", server)
    house.ingest([samples("screen", times(START, 5))], consent=ALL, digest="a")
    real = getattr(Journal, step)

    def killed(journal: Journal) -> None:
        real(journal)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(Journal, step, killed)
    house.ingest([samples("screen", times(START + DAY, 5))], digest="b")


@pytest.mark.parametrize(("step", "kept"), [("before_commit", 5), ("after_commit", 10)])
def test_kill_9_around_the_commit_loses_nothing(
    tmp_path: Path, postgres: Server, step: str, kept: int
) -> None:
    House.build(tmp_path, "postgresql", postgres).close()
    child = os.fork()
    if child == 0:
        try:
            work_until(step, tmp_path, postgres)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    house = House.build(tmp_path, "postgresql", postgres)
    assert house.store.verify() == []
    rows = house.store.samples(the(house), "screen", 0, NOW_US, MONITOR)
    assert rows.num_rows == kept
    again = house.ingest([samples("screen", times(START + DAY, 5))], digest="b")
    assert again.stored == 10 - kept
    assert house.store.verify() == []
    house.close()


def test_what_an_administrator_of_the_server_changes_is_found(house: House) -> None:
    fill(house)
    db = house.store._db
    for change, back in (
        ("UPDATE block SET rows = rows + 1", "UPDATE block SET rows = rows - 1"),
        ("UPDATE identifier SET bare = 1 - bare", "UPDATE identifier SET bare = 1 - bare"),
        ("UPDATE file SET stored = stored + 1", "UPDATE file SET stored = stored - 1"),
        ("INSERT INTO tombstone VALUES('x')", "DELETE FROM tombstone WHERE blind = 'x'"),
        ("UPDATE counter SET last = last + 1", "UPDATE counter SET last = last - 1"),
        (
            "UPDATE subject SET consents = consents + 1",
            "UPDATE subject SET consents = consents - 1",
        ),
        ("UPDATE version SET number = 9", f"UPDATE version SET number = {len(MIGRATIONS)}"),
    ):
        db.run(change)
        assert house.store.verify() != [], change
        db.run(back)
        assert house.store.verify() == [], back


def test_tables_of_a_newer_version_are_left_alone(house: House, postgres: Server) -> None:
    house.store._db.run("UPDATE version SET number = 99")
    with pytest.raises(SchemaError, match="newer version"):
        second(house, postgres)


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_older_tables_come_forward_or_stay_as_they_are(
    tmp_path: Path, postgres: Server, version: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = PostgresDatabase(postgres)
    db._simple(f"CREATE SCHEMA {postgres.schema}")
    for step in MIGRATIONS[:version]:
        db._simple(step)
    db.run("INSERT INTO version(number) VALUES(?)", (version,))
    with monkeypatch.context() as patched:
        patched.setattr(postgresql, "MIGRATIONS", (*MIGRATIONS, "SELECT 1 / 0"))
        with pytest.raises(EuthymiaError):
            House.build(tmp_path / "failed", "postgresql", postgres)
    assert db.one("SELECT number FROM version") == (version,)
    assert db.one("SELECT to_regclass('epoch') IS NULL") == (True,)
    house = House.build(tmp_path, "postgresql", postgres)
    assert db.one("SELECT number FROM version") == (len(MIGRATIONS),)
    fill(house)
    assert house.store.verify() == []
    house.close()
    db.close()


def test_programs_that_start_at_once_make_the_tables_once(tmp_path: Path, postgres: Server) -> None:
    house = House.build(tmp_path, "memory")
    failures: list[BaseException] = []

    def start() -> None:
        try:
            second(house, postgres).close()
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_deleted_rows_are_given_up_after_an_erasure(house: House) -> None:
    fill(house)
    db = house.store._db
    sealed = db.one("SELECT wrapped FROM subject WHERE pseudonym = ?", (the(house),))
    assert sealed is not None
    house.store.erase(the(house), audit(action="erase subject"))
    db.run("CREATE EXTENSION IF NOT EXISTS pageinspect")
    dead = db.one(
        "SELECT count(*) FROM heap_page_items(get_raw_page(? || '.subject', 0)) WHERE t_data = ?",
        (house.store._db._server.schema, sealed[0]),
    )
    assert dead == (0,)


# -- the way to the server -------------------------------------------------------------------------


def test_keys_that_a_server_has_kept_open_nothing_after_an_erasure(house: House) -> None:
    """Its log, archives, replicas and free space hold what was deleted as long as it likes."""
    fill(house)
    subject, db = the(house), house.store._db
    query = "SELECT pseudonym, made, wrapped FROM subject"
    kept = {SubjectId(who): (made, wrapped) for who, made, wrapped in db.all(query)}
    kept_too = db.all(
        "SELECT pseudonym, zone, subject_key.wrapped FROM subject_key "
        "JOIN subject ON subject.id = subject_key.subject"
    )

    def opens(keyring: Keyring, who: SubjectId, made: int, wrapped: bytes, zone: str) -> bool:
        try:
            keyring.unwrap(wrapped, context=key_place(who, made), zone=zone)
        except EuthymiaError:
            return False
        return True

    def all_open(keyring: Keyring) -> set[bool]:
        own = [opens(keyring, who, *pair, LIVE) for who, pair in kept.items()]
        zones = [opens(keyring, SubjectId(w), 0, key, zone) for w, zone, key in kept_too]
        return {*own, *zones}

    assert all_open(house.keyring) == {True}
    house.store.erase(subject, audit(action="erase subject"))
    assert all_open(Keyring.open(house.folder / "keys")) == {False}
    others = db.all(query)
    assert {who for who, _, _ in others} == set(kept) - {subject}
    assert all(opens(house.keyring, SubjectId(w), made, key, LIVE) for w, made, key in others)


def test_yesterdays_dump_put_back_is_found(house: House) -> None:
    """Each row is as it was written, and so are all together: the ledger knows of more."""
    fill(house)
    db = house.store._db
    dump = {table: db.all(f"SELECT {columns} FROM {table}") for table, columns in WHOLE.items()}
    house.ingest([samples("screen", times(START + DAY, 40))], consent=ALL, digest="later")
    assert house.store.verify() == []
    db.begin_writing()
    for table in reversed(WHOLE):
        db.run(f"DELETE FROM {table}")
    for table, columns in WHOLE.items():
        marks = ", ".join("?" * len(columns.split(", ")))
        db.run_many(f"INSERT INTO {table}({columns}) VALUES({marks})", dump[table])
    db.commit()
    assert any("older" in problem or "ledger" in problem for problem in house.store.verify())


def test_no_server_no_database_no_user(tmp_path: Path, postgres: Server) -> None:
    house = House.build(tmp_path, "memory")
    for server, kind, says in (
        (replace(postgres, host="/nowhere"), EuthymiaError, "server runs"),
        (replace(postgres, database="nothing"), MissingError, "no such database"),
        (replace(postgres, user="nobody"), AccessError, "let this user in"),
    ):
        with pytest.raises(kind, match=says):
            second(house, server)
    house.close()


def test_a_password_comes_from_a_file_that_others_cannot_read(tmp_path: Path) -> None:
    file = tmp_path / "password"
    server = Server(password_file=file)
    with pytest.raises(MissingError):
        server.password()
    file.write_text("open sesame\n")
    file.chmod(0o644)
    with pytest.raises(AccessError, match="chmod"):
        server.password()
    file.chmod(0o600)
    assert server.password() == "open sesame"
    assert "sesame" not in repr(server)


def test_no_plain_connection_leaves_this_machine() -> None:
    with pytest.raises(AccessError, match="this machine"):
        PostgresDatabase(Server(host="db.example.org", tls=postgresql.OFF))


def certificate(folder: Path, name: str) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.crt").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """Run a server that asks for a password over TLS, under the name `localhost`."""
    made = tmp_path_factory.mktemp("certificates")
    certificate(made, "localhost")
    password = made / "password"
    password.write_text("open sesame\n")
    password.chmod(0o600)
    port = free_port()
    settings = {"listen_addresses": "'127.0.0.1'", "port": str(port)}
    with running(settings) as folder:
        admin = Server(host=str(folder), port=port, database="postgres", tls=postgresql.OFF)
        db = PostgresDatabase(admin)
        data = folder / "data"
        for name in ("server.crt", "server.key"):
            shutil.copy(made / name, data / name)
            (data / name).chmod(0o600)
            shutil.chown(data / name, data.owner(), data.group())
        (data / "pg_hba.conf").write_text(
            "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n"
        )
        db.run("CREATE ROLE clinic LOGIN PASSWORD 'open sesame'")
        db.run("CREATE DATABASE clinic OWNER clinic")
        db.run("ALTER SYSTEM SET ssl = on")
        db.one("SELECT pg_reload_conf()")
        db.close()
        yield (
            Server(
                port=port,
                database="clinic",
                user="clinic",
                password_file=password,
                ca_file=made / "server.crt",
                tls=VERIFIED,
            ),
            folder,
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_server_is_spoken_to_over_tls_and_only_if_it_is_the_one(
    tmp_path: Path, over_tls: tuple[Server, Path]
) -> None:
    server, _ = over_tls
    db = eventually(server)
    assert db.one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == (True,)
    db.close()
    house = House.build(tmp_path, "postgresql", server)
    assert house.ingest([facts([{"row": 1, "code": "a"}])]).stored == 1
    assert house.store.verify() == []
    house.close()
    certificate(tmp_path, "localhost")  # another of the same name
    wrong = tmp_path / "wrong"
    wrong.write_text("guess")
    wrong.chmod(0o600)
    for changed in (
        replace(server, ca_file=None),
        replace(server, ca_file=tmp_path / "server.crt"),
        replace(server, host="127.0.0.1"),  # the certificate is for another name
        replace(server, password_file=wrong),
        replace(server, tls=postgresql.OFF),  # the server takes no plain connection
    ):
        with pytest.raises(AccessError) as told:
            second(house, changed)
        assert "sesame" not in str(told.value)


def test_a_server_without_tls_is_not_spoken_to(over_tls: tuple[Server, Path]) -> None:
    server, folder = over_tls
    eventually(server).close()
    admin = PostgresDatabase(
        Server(host=str(folder), port=server.port, database="postgres", tls=postgresql.OFF)
    )
    admin.run("ALTER SYSTEM SET ssl = off")
    admin.one("SELECT pg_reload_conf()")
    for _ in range(100):
        if admin.one("SHOW ssl") == ("off",):
            break
        time.sleep(0.05)
    with pytest.raises(AccessError, match="TLS"), admin.translated():
        PostgresDatabase(server)
    admin.run("ALTER SYSTEM SET ssl = on")
    admin.one("SELECT pg_reload_conf()")
    admin.close()


def eventually(server: Server) -> PostgresDatabase:
    """Connect as soon as the server has read its settings again."""
    for _ in range(100):
        try:
            with postgresql._TRANSLATED:
                return PostgresDatabase(server)
        except AccessError:
            time.sleep(0.05)
    raise TimeoutError
