"""A server set against us: its settings, others' tables, a program in its place, broken answers."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from pg8000.core import Context, CoreConnection
from pg8000.exceptions import DatabaseError, InterfaceError

from euthymia.ground.errors import AccessError, BusyError, EuthymiaError, IntegrityError
from euthymia.ground.ids import SubjectId
from euthymia.security.key_tree import ZONES
from euthymia.store import postgresql_link
from euthymia.store.postgresql import PostgresDatabase, PostgresStore, Server, translated
from euthymia.store.postgresql_link import SILENT_S
from stores import ALL, DAY, MONITOR, NOW_US, House, audit, samples, the, times

START = NOW_US - 40 * DAY


@pytest.fixture
def admin(postgres: Server) -> Iterator[PostgresDatabase]:
    db = PostgresDatabase(postgres)
    yield db
    db.close()


@pytest.fixture
def owner(postgres: Server, admin: PostgresDatabase) -> Iterator[Server]:
    """A role that is no superuser and owns a schema, and nothing else."""
    role = f"r_{postgres.schema}"
    admin._simple(f"CREATE ROLE {role} LOGIN; CREATE SCHEMA {postgres.schema}")
    admin._simple(f"ALTER SCHEMA {postgres.schema} OWNER TO {role}")
    yield replace(postgres, user=role)
    admin._simple(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


@pytest.fixture
def house(tmp_path: Path, owner: Server) -> Iterator[House]:
    house = House.build(tmp_path, "postgresql", owner)
    for who in ("A1", "B2"):
        found = [samples("screen", times(START, 5, step_s=30 if who == "A1" else 60), who=who)]
        house.ingest(found, consent=ALL, digest=who)
    yield house
    house.close()


def rows(house: House, who: str = "A1") -> int:
    found = house.store.samples(the(house, who), "screen", 0, NOW_US, MONITOR)
    return int(found.num_rows)


def again(house: House, server: Server) -> PostgresStore:
    return PostgresStore(server, house.keyring, house.ledger, house.clock)


# -- settings and rights ---------------------------------------------------------------------------


def test_settings_of_the_user_on_the_server_change_nothing(
    house: House, owner: Server, admin: PostgresDatabase
) -> None:
    for setting in (
        "bytea_output = 'escape'",
        "row_security = on",
        "statement_timeout = '1ms'",
        "idle_in_transaction_session_timeout = '1ms'",
        "idle_session_timeout = '1ms'",
        "search_path = 'pg_temp'",
        "synchronous_commit = off",
        "default_transaction_isolation = 'serializable'",
    ):
        admin._simple(f"ALTER ROLE {owner.user} SET {setting}")
    house.store.close()
    house.store = again(house, owner)
    pause = threading.Event()
    pause.wait(0.01)  # longer than is allowed
    with house.store.grouped():
        late = house.ingest([samples("screen", times(START + DAY, 700))], digest="late")
        pause.wait(0.01)
    assert late.stored == 700
    assert rows(house) == 705
    assert house.store.verify() == []
    assert house.store._db.one("SHOW synchronous_commit") == ("on",)


def test_a_server_that_does_not_know_a_setting_yet_is_spoken_to_without_it(
    house: House, owner: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_link, "SINCE_14", {"idle_session_timeout_of_later": "0"})
    house.store.close()
    house.store = again(house, owner)
    assert rows(house) == 5


def test_rows_hidden_by_a_policy_are_an_error_and_not_fewer_rows(
    house: House, owner: Server, admin: PostgresDatabase
) -> None:
    block = f"{owner.schema}.block"
    admin._simple(
        f"ALTER TABLE {block} ENABLE ROW LEVEL SECURITY; CREATE POLICY none ON {block} "
        f"USING (false); ALTER TABLE {block} FORCE ROW LEVEL SECURITY"
    )
    with pytest.raises(AccessError, match="hidden"):
        rows(house)
    assert house.store.verify() != []


FUNCTION = (
    "CREATE FUNCTION {schema}.max(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; "
    "ALTER FUNCTION {schema}.max(int) OWNER TO {other}"
)


@pytest.mark.parametrize(
    "theirs",
    [
        "GRANT CREATE ON SCHEMA {schema} TO PUBLIC",
        "GRANT CREATE ON SCHEMA {schema} TO {other}",
        "ALTER SCHEMA {schema} OWNER TO {other}",
        "ALTER TABLE {schema}.block OWNER TO {other}",
        FUNCTION,
    ],
)
def test_a_schema_that_others_can_put_things_into_is_not_used(
    house: House, owner: Server, admin: PostgresDatabase, theirs: str
) -> None:
    other = f"other_{owner.schema}"
    admin._simple(f"CREATE ROLE {other}; {theirs.format(schema=owner.schema, other=other)}")
    try:
        with pytest.raises(AccessError, match="other users"):
            again(house, owner)
    finally:
        admin._simple(
            f"REASSIGN OWNED BY {other} TO {owner.user}; DROP OWNED BY {other}; DROP ROLE {other}; "
            f"REVOKE CREATE ON SCHEMA {owner.schema} FROM PUBLIC"
        )
    again(house, owner).close()


def test_what_the_server_refuses_is_said_with_what_to_do(
    house: House, owner: Server, admin: PostgresDatabase
) -> None:
    """Each where it arises; nothing is half done, and the next call finds a connection."""
    role, schema = owner.user, owner.schema
    new = house.admit([samples("screen", times(START + DAY, 5))], digest="late")

    admin._simple(f"ALTER ROLE {role} CONNECTION LIMIT 1")
    with pytest.raises(BusyError, match="max_connections"):
        again(house, owner)
    admin._simple(f"ALTER ROLE {role} CONNECTION LIMIT -1")

    house.store._db.run("SET default_transaction_read_only = on")
    with pytest.raises(EuthymiaError, match="standby"):
        house.store.append(new, audit())
    house.store._db.run("SET default_transaction_read_only = off")

    admin._simple(f"BEGIN; LOCK TABLE {schema}.block")
    pid = house.store._db.one("SELECT pg_backend_pid()::text")
    done = threading.Event()

    def cancel() -> None:
        db = PostgresDatabase(owner)
        while not done.wait(0.01):
            db.run("SELECT pg_cancel_backend(?::int)", pid)
        db.close()

    thread = threading.Thread(target=cancel)
    thread.start()
    with pytest.raises(BusyError, match="ended a statement"):
        rows(house)
    done.set()
    thread.join()
    admin._simple("ROLLBACK")

    admin._simple(f"ALTER TABLE {schema}.block RENAME TO gone")
    with pytest.raises(IntegrityError, match="restore"):
        rows(house)
    admin._simple(f"ALTER TABLE {schema}.gone RENAME TO block")

    assert rows(house) == 5
    assert house.store.append(new, audit()).stored == 5
    assert house.store.verify() == []


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("53100", EuthymiaError, "free its disk"),
        ("53200", EuthymiaError, "memory"),
        ("57P05", EuthymiaError, "lost"),
        ("25P03", EuthymiaError, "lost"),
        ("58030", EuthymiaError, "its log"),
        ("40P01", BusyError, "try again"),
        ("0A000", EuthymiaError, "0A000"),
    ],
)
def test_an_error_of_the_server_is_told_by_its_code_alone(
    code: str, kind: type[EuthymiaError], says: str
) -> None:
    with pytest.raises(kind, match=says) as told, translated():
        raise DatabaseError({"C": code, "M": "Quartermain", "D": "Failing row contains (Ada)"})
    assert "Quartermain" not in str(told.value)
    assert told.value.__cause__ is None


# -- an answer that was not read to its end --------------------------------------------------------


def test_an_answer_left_half_read_is_never_taken_for_another_ones(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = the(house, "A1"), the(house, "B2")

    def read(who: SubjectId) -> pa.Table:
        return house.store.samples(who, "screen", 0, NOW_US, MONITOR)

    expected = {who: read(who) for who in (first, second)}
    assert expected[first] != expected[second]
    real = CoreConnection.handle_DATA_ROW

    def stopped(_self: CoreConnection, data: bytes, context: object) -> None:
        if len(data) > 100:  # a block
            raise KeyboardInterrupt
        real(_self, data, context)

    with monkeypatch.context() as patched:
        patched.setattr(CoreConnection, "handle_DATA_ROW", stopped)
        house.store._db._drop()  # the handlers are bound as a connection is made
        with pytest.raises(KeyboardInterrupt):
            read(first)
    for who in (second, first):
        assert read(who) == expected[who]


# -- a connection that is ended at a statement -----------------------------------------------------

LOCK = "BEGIN; SELECT pg_advisory_xact_lock"
ERASING = (
    (LOCK, 1),
    ("DELETE FROM block", 1),
    ("UPDATE subject SET wrapped", 1),
    ("INSERT INTO change", 1),
    ("COMMIT", 1),
    (LOCK, 2),
    ("COMMIT", 2),
    ("VACUUM", 1),
)
ROTATING = ((LOCK, 1), ("COMMIT", 1), ("UPDATE block SET sealed", 1), ("COMMIT", 2), ("COMMIT", 4))


@contextmanager
def ended_at(statement: str, nth: int, admin: PostgresDatabase) -> Iterator[list[str]]:
    """End the connection as it has done a statement, before anybody hears that it has."""
    real, seen = CoreConnection.handle_messages, list[str]()

    def ended(self: CoreConnection, asked: Context) -> None:
        real(self, asked)
        if not str(asked.statement).startswith(statement) or self is admin._wire:
            return
        seen.append(statement)
        if len(seen) == nth:
            pid = int.from_bytes(self._backend_key_data[:4], "big")
            admin.run("SELECT pg_terminate_backend(?::int, 5000)", (str(pid),))
            raise InterfaceError("network error")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(CoreConnection, "handle_messages", ended)
        yield seen
    assert len(seen) >= nth, f"{statement} was not done {nth} times"


def whole(house: House) -> None:
    """Do what the next command does first; everything is in order then."""
    house.store.finish_erasures()
    assert {zone: len(house.keyring.epochs(zone)) for zone in ZONES} == dict.fromkeys(ZONES, 1)
    assert house.store.verify() == []


def test_an_erasure_whose_connection_ends_at_any_statement_is_none_or_whole(
    house: House, admin: PostgresDatabase
) -> None:
    erase = audit(action="erase subject")
    for nth, (statement, time) in enumerate(ERASING):
        who = f"P{nth}"
        house.ingest([samples("screen", times(START, 3), who=who)], consent=ALL, digest=who)
        subject = the(house, who)
        with ended_at(statement, time, admin), pytest.raises(EuthymiaError, match="lost"):
            house.store.erase(subject, erase)
        assert (house.store.resolve(who) is None) == (nth >= ERASING.index(("COMMIT", 1)))
        if house.store.resolve(who) is not None:
            house.store.erase(subject, erase)
        whole(house)
    assert rows(house) == 5


def test_a_rotation_whose_connection_ends_at_any_statement_goes_on(
    house: House, admin: PostgresDatabase
) -> None:
    for statement, time in ROTATING:
        with ended_at(statement, time, admin), pytest.raises(EuthymiaError, match="lost"):
            house.store.rotate("live", audit(), lambda _done, _of: None)
        assert rows(house) == 5
        assert house.store.verify() == []
        house.store.rotate("live", audit(), lambda _done, _of: None)
        whole(house)
    assert rows(house) == 5


# -- a program in the server's place ---------------------------------------------------------------


def message(code: bytes, data: bytes) -> bytes:
    return code + (len(data) + 4).to_bytes(4, "big") + data


@contextmanager
def in_its_place(*says: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Listen on the loopback; say these things, one to each message; yield port and what came."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def answer() -> None:
            line, _ = listener.accept()
            with line:
                line.settimeout(5)
                for each in says:
                    heard.append(line.recv(65536))
                    line.sendall(each)
                heard.append(line.recv(65536))

        thread = threading.Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join()


ASKS = {
    "plain": (message(b"R", (3).to_bytes(4, "big")),),
    "md5": (message(b"R", (5).to_bytes(4, "big") + b"salt"),),
    "nothing": (message(b"R", (0).to_bytes(4, "big")) + message(b"Z", b"I"),),
    "kerberos": (message(b"R", (7).to_bytes(4, "big")),),
    "scram, unproven": (
        message(b"R", (10).to_bytes(4, "big") + b"SCRAM-SHA-256\0\0"),
        message(b"R", (11).to_bytes(4, "big") + b"r=guess,s=c2FsdA==,i=4096"),
    ),
    "scram, cut short": (
        message(b"R", (10).to_bytes(4, "big") + b"SCRAM-SHA-256\0\0"),
        message(b"R", (0).to_bytes(4, "big")) + message(b"Z", b"I"),
    ),
}


@pytest.mark.parametrize("asks", ASKS)
def test_a_program_in_the_servers_place_gets_no_password_and_no_data(
    tmp_path: Path, asks: str
) -> None:
    file = tmp_path / "password"
    file.write_text("open sesame\n")
    file.chmod(0o600)
    with in_its_place(*ASKS[asks]) as (port, heard):
        server = Server(host="127.0.0.1", port=port, password_file=file, tls="off")
        with pytest.raises(AccessError) as told, translated():
            PostgresDatabase(server)
    assert "sesame" not in str(told.value)
    said = b"".join(heard)
    assert b"sesame" not in said
    assert b"md5" not in said


@pytest.mark.parametrize("asks", ["plain", "md5", "scram, cut short"])
def test_a_password_that_is_asked_for_and_not_given_is_said(asks: str) -> None:
    with in_its_place(ASKS[asks][0]) as (port, _):
        server = Server(host="127.0.0.1", port=port, tls="off")
        with pytest.raises(AccessError, match=r"store\.password_file"), translated():
            PostgresDatabase(server)


def test_certificates_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    for name, says in (("none.pem", r"store\.ca_file cannot be read"), ("no.pem", "vouches")):
        (tmp_path / "no.pem").write_text("no certificate")
        with pytest.raises(EuthymiaError, match=says), translated():
            PostgresDatabase(Server(host="127.0.0.1", port=1, ca_file=tmp_path / name))


def test_a_server_that_vanished_is_noticed_in_minutes() -> None:
    ready = message(b"R", (0).to_bytes(4, "big")) + message(b"Z", b"I")
    with in_its_place(ready) as (port, _):
        db = PostgresDatabase(Server(host="127.0.0.1", port=port, tls="off"))
        line = db._wire._usock
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        first, next_, times_ = (line.getsockopt(socket.IPPROTO_TCP, name) for name in names)
        assert first + next_ * times_ <= SILENT_S
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == SILENT_S * 1000
        db.close()
