"""Passwords and one-time codes."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from euthymia.security.passwords import (
    LEAST_CHARACTERS,
    Stretch,
    common,
    matches,
    one_pattern,
    weakness,
)
from euthymia.security.totp import base32, code_at, enrolment_uri, matching_step, step_of

CHEAP = Stretch(1024, 1)


def test_a_password_rests_as_argon2id_with_its_own_salt():
    first, second = CHEAP.hash("four words in a row"), CHEAP.hash("four words in a row")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=1024,t=1,p=1$")
    assert matches("four words in a row", first)
    assert not matches("four words in a roW", first)
    assert not matches("", first)
    assert not matches("x" * 100_000, first)
    assert not matches("\ud800", first)


def test_the_defaults_are_those_of_the_rfc_for_little_memory():
    assert Stretch() == Stretch(memory_kib=64 * 1024, passes=3)


def test_a_decoy_looks_like_a_hash_and_matches_nothing():
    decoy, real = CHEAP.decoy(), CHEAP.hash("something long enough")
    assert [len(part) for part in decoy.split("$")] == [len(part) for part in real.split("$")]
    assert not matches("something long enough", decoy)


@pytest.mark.parametrize(
    "weak",
    [
        "short", "elevenchars", "passwordpassword", "Password1234!", "PASSWORD123456",
        "aaaaaaaaaaaaaaaa", "abcabcabcabcabc", "12345678901234567890", "qwertyuiopasdf",
        "zyxwvutsrqponm", "iloveyou2024!!", "I love you 1234", "dr-lindqvist-secret", "x" * 300,
    ],
)  # fmt: skip
def test_weak_passwords_are_refused_with_a_reason(weak: str):
    assert weakness(weak, "dr-lindqvist")


@pytest.mark.parametrize(
    "good",
    ["river lamp gravel onion", "vX9$kq2!mPz7w", "трава над рекой стоит", "12 Monkeys ate the pie"],
)
def test_good_passwords_are_taken(good: str):
    assert weakness(good, "dr-lindqvist") is None


def test_the_3000_commonest_that_are_long_enough_are_refused():
    long = [word for word in common() if len(word) >= LEAST_CHARACTERS and not one_pattern(word)]
    assert len(long) >= 3000  # these the other rules would take: OWASP ASVS 5.0, 6.2.4
    assert all(weakness(word, "") for word in long)
    assert all(weakness(f" {word.title()} ", "") for word in long)
    seen_by_others = "1qaz2wsx3edc4rfv motherfucker sonyericsson leavemealone manchesterunited"
    assert set(seen_by_others.split()) <= common()
    assert not any(re.search(r"@\w+\.", word) or word != word.casefold() for word in common())


@pytest.mark.parametrize("weak", ["Liverpool2026!!", "2026-monkey-2026", "??butterfly1998"])
def test_a_common_password_with_digits_and_signs_at_its_ends_is_refused(weak: str):
    assert weakness(weak, "")


def test_little_more_than_words_of_the_place_is_refused():
    place = "Euthymia Nørre Clinic supervisor"
    for weak in (
        "NørreClinic2026!",
        "the clinic nørre",
        "euthymia-supervisor",
        "Clinic, Euthymia 1",
    ):
        assert "this place" in (weakness(weak, "", place) or ""), weak
        assert "this place" not in (weakness(weak, "") or "")
    for good in ("clinic lamp gravel onion", "supervisor of a grey heron"):
        assert weakness(good, "", place) is None


# RFC 6238, appendix B, the SHA-1 rows (eight digits there; ours are the last six)
RFC = {59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924",
       2000000000: "69279037", 20000000000: "65353130"}  # fmt: skip
SECRET = b"12345678901234567890"


@pytest.mark.parametrize(("second", "code"), RFC.items())
def test_codes_are_those_of_the_rfc(second: int, code: str):
    now = datetime.fromtimestamp(second, UTC)
    assert code_at(SECRET, step_of(now)) == code[-6:]
    assert matching_step(SECRET, code[-6:], now) == second // 30


def test_a_code_holds_one_step_either_way_and_once():
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    step = step_of(now)
    for off, holds in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = code_at(SECRET, step + off)
        assert (matching_step(SECRET, code, now) is not None) is holds, off
    code = code_at(SECRET, step)
    assert matching_step(SECRET, code, now, after=step - 1) == step
    assert matching_step(SECRET, code, now, after=step) is None
    assert matching_step(SECRET, code, now + timedelta(minutes=2)) is None
    for garbled in ("", "12345", "1234567", "abcdef", chr(0xFF11) * 6, code + "0"):
        assert matching_step(SECRET, garbled, now) is None
    assert matching_step(SECRET, f"{code[:3]} {code[3:]}", now) == step


def test_the_qr_code_holds_what_apps_need():
    uri = enrolment_uri(SECRET, "dr lee", "North: Clinic")
    assert uri == (
        "otpauth://totp/North%3A%20Clinic:dr%20lee?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        "&issuer=North%3A%20Clinic&algorithm=SHA1&digits=6&period=30"
    )
    assert base32(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
