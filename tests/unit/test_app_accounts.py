"""Accounts: enrolment, sign-in, lock-out, ending everywhere, and the sealed book."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from accounts_help import PASSWORD, SHELL, code_of, enrolled
from euthymia.app.accounts import accounts
from euthymia.app.accounts.accounts import Accounts
from euthymia.app.accounts.book import BookFile, Failures
from euthymia.app.accounts.throttle import Addresses, failed, locked
from euthymia.ground.errors import AccessError, IntegrityError, MissingError
from euthymia.security.keys import Keyring
from euthymia.security.ledger import Ledger
from euthymia.security.passwords import Stretch
from euthymia.security.token import Kind, More, Tokens
from euthymia.security.totp import code_at, step_of
from small_clinic import Hands

HOME = "192.0.2.1"


@dataclass
class House:
    accounts: Accounts
    tokens: Tokens
    ledger: Ledger
    hands: Hands

    def sign_in(self, user="dr-lee", password=PASSWORD, code=None, address=HOME):
        if code is None:
            code = code_of(self.accounts, user, self.hands.now)
        return self.accounts.sign_in(user, password, code, address)

    def claims(self, user="dr-lee"):
        token = self.tokens.issue(
            user, "clinician", now=self.hands.now, lifetime=timedelta(hours=9)
        )
        return lambda: self.tokens.verify(token, now=self.hands.now)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    hands = Hands()
    keyring = Keyring.create(tmp_path / "keys")
    ledger = Ledger.open(tmp_path / "ledger", keyring, clock=hands)
    accounts = Accounts(tmp_path / "accounts.sealed", keyring, ledger, hands, Stretch(1024, 1))
    tokens = Tokens(keyring, issuer="euthymia", audience="api", revoked=accounts.ended)
    enrolled(accounts, tokens, "dr-lee")
    yield House(accounts, tokens, ledger, hands)
    ledger.close()


def test_name_password_and_code_sign_in_and_a_code_works_once(house: House):
    assert house.sign_in() == ("dr-lee", "clinician")
    with pytest.raises(AccessError, match="not right"):
        house.sign_in()
    house.hands.turn(timedelta(seconds=30))
    assert house.sign_in() == ("dr-lee", "clinician")
    told = [(line.actor, line.detail["outcome"]) for line in house.ledger.entries()
            if line.action == "sign in"]  # fmt: skip
    assert told == [("dr-lee", "signed in"), ("unknown", "refused"), ("dr-lee", "signed in")]


def test_one_code_used_by_many_at_once_signs_one_in(house: House):
    code = code_of(house.accounts, "dr-lee", house.hands.now)

    def one(_: int) -> bool:
        try:
            house.sign_in(code=code)
        except AccessError:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(one, range(6))) == 1


def test_a_book_that_is_written_while_it_is_read_is_no_older_copy(
    house: House, monkeypatch: pytest.MonkeyPatch
):
    file, read, turns = house.accounts.file, Path.read_bytes, [0]

    def overtaken(path: Path) -> bytes:
        found = read(path)
        if not turns[0]:
            turns[0] = 1
            file.change(lambda book: None)
        return found

    file.change(lambda book: None)  # so that it is read anew
    monkeypatch.setattr(Path, "read_bytes", overtaken)
    before = file.now().generation
    assert turns == [1]
    assert file.now().generation == before + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"password": PASSWORD + "x"}, {"password": ""}, {"code": "000000"}, {"code": ""},
        {"user": "dr-nobody", "code": "123456"}, {"user": "", "code": "123456"},
        {"user": "dr-lee\x00", "code": "123456"}, {"user": "\ud800", "code": "123456"},
    ],
)  # fmt: skip
def test_whatever_is_wrong_the_answer_is_the_same(house: House, wrong):
    with pytest.raises(AccessError) as refused:
        house.sign_in(**wrong)
    with pytest.raises(AccessError) as other:
        house.sign_in(password="something else entirely")
    assert str(refused.value) == str(other.value)


def test_an_invited_or_disabled_user_is_refused_like_an_unknown_one(house: House):
    house.accounts.add("dr-new", "clinician", SHELL, house.tokens)
    with pytest.raises(AccessError, match="not right"):
        house.sign_in("dr-new", code="123456")
    house.accounts.disable("dr-lee", SHELL)
    with pytest.raises(AccessError, match="not right"):
        house.sign_in()
    with pytest.raises(AccessError, match="user enable"):  # a new link would let them in again
        house.accounts.reset("dr-lee", SHELL, house.tokens)
    house.accounts.disable("dr-lee", SHELL, disabled=False)
    house.hands.turn(timedelta(seconds=30))
    assert house.sign_in()


def test_unknown_users_take_as_long_as_known_ones(house: House, monkeypatch):
    house.accounts.add("dr-slow", "it", SHELL, house.tokens)  # has not chosen a password yet
    against = []
    monkeypatch.setattr(accounts, "matches", lambda given, phc: against.append(phc))
    for user in ("dr-lee", "dr-slow", "dr-nobody", "dr-lee"):
        with pytest.raises(AccessError):
            house.accounts.sign_in(user, "not the password at all", "123456", user)
    costs = [phc.split("$")[:-2] for phc in against]  # all but salt and digest
    sizes = {tuple(map(len, phc.split("$")[-2:])) for phc in against}
    assert len(costs) == 4
    assert costs == [["", "argon2id", "v=19", "m=1024,t=1,p=1"]] * 4
    assert len(sizes) == 1


def test_tries_by_name_lock_with_growing_pauses_known_or_not(house: House):
    for _ in range(6):
        with pytest.raises(AccessError):
            house.sign_in(password="wrong", code="000000", address="a")
    with pytest.raises(AccessError):  # all is right, but it is too soon
        house.sign_in(address="b")
    house.hands.turn(timedelta(seconds=31))
    assert house.sign_in(address="b")
    table: dict[str, Failures] = {}
    pauses = []
    for n in range(14):
        failed(table, "x", 1000 + n)
        pauses.append(table["x"].until - 1000 - n)
    assert pauses[:5] == [0] * 5
    assert pauses[5:9] == [30, 60, 120, 240]
    assert max(pauses) == 900
    assert locked(table, "x", 1013 + 899)
    assert not locked(table, "x", 1013 + 900)
    failed(table, "x", 1013 + 86_400)
    assert table["x"].count == 1
    for n in range(5000):
        failed(table, str(n), 1)
    assert len(table) == 4096


def test_a_locked_name_does_not_lock_for_longer_by_more_tries(house: House):
    for _ in range(30):
        with pytest.raises(AccessError):
            house.sign_in(password="wrong", code="000000", address=str(_))
    house.hands.turn(timedelta(seconds=31))
    assert house.sign_in()


def test_a_second_factor_that_is_proven_again_is_guarded_like_signing_in(house: House):
    """Breaking the glass asks for it: a session left open must not be enough to guess it."""
    accounts, hands = house.accounts, house.hands
    hands.turn(timedelta(seconds=30))
    right = code_of(accounts, "dr-lee", hands.now)
    assert accounts.prove_again("dr-lee", right)
    assert not accounts.prove_again("dr-lee", right), "each code once"
    hands.turn(timedelta(seconds=30))
    for _ in range(6):
        assert not accounts.prove_again("dr-lee", "000000")
    assert not accounts.prove_again("dr-lee", code_of(accounts, "dr-lee", hands.now)), "locked"
    hands.turn(timedelta(seconds=31))
    assert accounts.prove_again("dr-lee", code_of(accounts, "dr-lee", hands.now))
    hands.turn(timedelta(seconds=30))
    accounts.disable("dr-lee", SHELL)
    assert not accounts.prove_again("dr-lee", code_of(accounts, "dr-lee", hands.now))
    accounts.add("dr-new", "clinician", SHELL, house.tokens)
    assert not accounts.prove_again("dr-new", "000000"), "invited, with no factor yet"
    assert not accounts.prove_again("nobody", "000000")


def test_a_reset_lifts_the_lock_that_somebody_else_brought_about(house: House):
    for _ in range(6):
        with pytest.raises(AccessError):
            house.sign_in(password="wrong", code="000000", address="a")
    offer = house.accounts.offer(house.accounts.reset("dr-lee", SHELL, house.tokens), house.tokens)
    code = code_at(offer.totp, step_of(house.hands.now) - 1)
    house.accounts.enrol_password(offer, PASSWORD, PASSWORD, code)
    assert house.sign_in(address="b")


def test_tries_by_address_are_counted_by_the_minute():
    addresses = Addresses(3)
    assert [addresses.may_try("a", 60) for _ in range(5)] == [True] * 3 + [False] * 2
    assert addresses.may_try("b", 60)
    assert addresses.may_try("a", 120)


def test_an_enrolment_link_works_once_and_only_the_newest(house: House):
    first = house.accounts.add("dr-new", "clinician", SHELL, house.tokens)
    second = house.accounts.reset("dr-new", SHELL, house.tokens)
    with pytest.raises(AccessError, match="newer"):
        house.accounts.offer(first, house.tokens)
    offer = house.accounts.offer(second, house.tokens)
    assert house.accounts.offer(second, house.tokens) == offer  # looked at, not used up
    code = code_at(offer.totp, step_of(house.hands.now))
    for bad in ((PASSWORD, "x", code), ("short", "short", code), (PASSWORD, PASSWORD, "000000")):
        with pytest.raises(AccessError):
            house.accounts.enrol_password(offer, *bad)
    house.accounts.enrol_password(offer, PASSWORD, PASSWORD, code)
    with pytest.raises(AccessError):
        house.accounts.offer(second, house.tokens)
    with pytest.raises(AccessError, match="used before"):
        house.accounts.enrol_password(offer, PASSWORD, PASSWORD, code)
    with pytest.raises(AccessError):  # the code that enrolled does not sign in as well
        house.sign_in("dr-new", code=code)
    house.hands.turn(timedelta(hours=25))
    late = house.accounts.reset("dr-new", SHELL, house.tokens)
    house.hands.turn(timedelta(hours=25))
    with pytest.raises(AccessError, match="expired"):
        house.accounts.offer(late, house.tokens)


def test_disable_and_sign_out_everywhere_end_what_was_issued_before(house: House):
    before = house.claims()
    assert before().user == "dr-lee"
    house.accounts.end_everywhere("dr-lee", SHELL)
    with pytest.raises(AccessError, match="withdrawn"):
        before()
    house.hands.turn(timedelta(seconds=1))
    after, other = house.claims(), house.claims("dr-berg")
    assert after()
    house.accounts.disable("dr-lee", SHELL)
    with pytest.raises(AccessError, match="withdrawn"):
        after()
    house.hands.turn(timedelta(seconds=1))
    with pytest.raises(AccessError, match="withdrawn"):
        house.claims()()
    assert other()


def test_a_session_is_judged_by_when_it_began_not_by_when_it_was_renewed(house: House):
    began = int(house.hands.now.timestamp())
    house.hands.turn(timedelta(minutes=5))
    house.accounts.end_everywhere("dr-lee", SHELL)
    house.hands.turn(timedelta(minutes=5))
    renewed = house.tokens.issue(
        "dr-lee", "clinician", now=house.hands.now, lifetime=timedelta(minutes=15),
        kind=Kind.SESSION, more=More(began=began),
    )  # fmt: skip
    with pytest.raises(AccessError, match="withdrawn"):
        house.tokens.verify(renewed, now=house.hands.now, kind=Kind.SESSION)


def test_names_and_roles_that_are_not_taken(house: House):
    for name, role in (("dr lee", "it"), ("", "it"), ("a" * 65, "it"), ("x\n", "it"),
                       ("dr-lee", "it"), ("pat", "patient"), ("eve", "admin")):  # fmt: skip
        with pytest.raises(AccessError):
            house.accounts.add(name, role, SHELL, house.tokens)
    with pytest.raises(MissingError):
        house.accounts.reset("nobody", SHELL, house.tokens)
    with pytest.raises(MissingError):
        house.accounts.disable("nobody", SHELL)


# -- the file --------------------------------------------------------------------------------------
def test_every_flipped_bit_of_the_book_is_found(house: House):
    path, key = house.accounts.file.path, house.accounts.file.key
    raw = path.read_bytes()
    assert b"dr-lee" not in raw
    assert b"argon2id" not in raw
    assert path.stat().st_mode & 0o077 == 0
    for at in range(len(raw)):
        flipped = bytearray(raw)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(bytes(flipped))
        with pytest.raises(IntegrityError, match="does not open"):
            BookFile(path, key).now()
    path.write_bytes(raw[:-1])
    assert house.accounts.verify()
    path.write_bytes(raw)
    assert house.accounts.verify() == []


def test_an_older_or_missing_book_is_found_by_the_ledger_and_by_a_running_process(house: House):
    path = house.accounts.file.path
    old = path.read_bytes()
    house.accounts.disable("dr-lee", SHELL)
    assert house.accounts.verify() == []
    path.write_bytes(old)
    with pytest.raises(IntegrityError, match="older"):
        house.accounts.file.now()
    assert any("older" in problem for problem in house.accounts.verify())
    path.unlink()
    assert any("older" in problem for problem in house.accounts.verify())
    with pytest.raises(IntegrityError, match="older"):
        house.accounts.add("eve", "clinician", SHELL, house.tokens)


def test_two_processes_change_one_book_and_lose_nothing(house: House):
    other = BookFile(house.accounts.file.path, house.accounts.file.key)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: (other, house.accounts.file)[n % 2].change(
            lambda book: book.ended.update({f"user-{n}": n})), range(40)))  # fmt: skip
    assert len(other.now().ended) == 40
    assert house.accounts.file.now().generation == other.now().generation


def test_a_change_that_is_refused_leaves_the_book(house: House):
    before = house.accounts.file.path.read_bytes()
    with pytest.raises(AccessError):
        house.accounts.add("dr-lee", "clinician", SHELL, house.tokens)
    assert house.accounts.file.path.read_bytes() == before
    assert not list(house.accounts.file.path.parent.glob(".accounts.sealed-*"))


def test_asking_whether_a_token_was_withdrawn_reads_the_book_once(house: House, monkeypatch):
    claims = house.claims()()
    assert not house.accounts.ended(claims)
    monkeypatch.setattr(Path, "read_bytes", None)
    assert not house.accounts.ended(claims)
