"""Items of `euthymia evidence`: ids and levels as in the frameworks, tests that are there, gaps."""

import re
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response

from euthymia.app.evidence import oscal, self_tests
from euthymia.app.evidence.checks import CHECKS, Outcome
from euthymia.app.evidence.items import Attestation, frameworks, items, stands
from euthymia.app.web.guard import drop_cookie

ROOT = Path(__file__).parents[2]
ASVS = "OWASP ASVS 5.0"
GOOD = {name: Outcome(name, "", "") for name in CHECKS}

# OWASP ASVS 5.0.0: of each section the level of each requirement, in order (V1.1.1, V1.1.2, ...).
LEVELS = {
    "1": "22 1111122223 112222222223 222 123",
    "2": "122 112 12223 23",
    "3": "3 113 12223 11222233 11122333 3 22333",
    "4": "12233 23333 22 1222",
    "5": "2 112333 113 222",
    "6": "122 111111112222 11223333 112233 22222333 2223 33 2222",
    "7": "222 1111 22 11222 223 22",
    "8": "1233 1123 133 23",
    "9": "111 1222",
    "10": "22 223 22223 1111122222233333 22222 22 222",
    "11": "2233 22233 11233 1222 23 23 33",
    "12": "12233 11 22223",
    "13": "2333 222223 2233 1222233",
    "14": "22 12223333 122",
    "15": "12233 12233 1222222 3333",
    "16": "2 22222 2222 222 2223",
    "17": "23 22223333 22",
}
FORMS = {
    ASVS: r"V\d{1,2}\.\d{1,2}\.\d{1,2}",
    "NIST CSF 2.0": r"(GV|ID|PR|DE|RS|RC)\.[A-Z]{2}-\d{2}",
    "HIPAA Security Rule": r"164\.3(08|10|12|14|16)(\([a-z]\))(\(\d\))?(\([ivx]+\))?(\([A-Z]\))?",
    "GDPR": r"Art\. \d{1,2}(, \d{1,2})?(\(\d\))?(\([a-z]\))?",
    "EU AI Act": r"Art\. (9|1[0-5])",
    "FDA 524B": r"\(b\)\([1-4]\)",
}


def _asvs() -> dict[str, int]:
    return {
        f"V{chapter}.{section}.{number}": int(level)
        for chapter, sections in LEVELS.items()
        for section, levels in enumerate(sections.split(), 1)
        for number, level in enumerate(levels, 1)
    }


def test_the_list_of_asvs_is_whole():
    assert Counter(_asvs().values()) == {1: 70, 2: 183, 3: 92}


def test_ids_and_levels_are_those_of_the_frameworks():
    known = _asvs()
    for item in items():
        assert re.fullmatch(FORMS[item.framework], item.id), item
        assert item.level == known.get(item.id, 0), item
    told = Counter((item.framework, item.id) for item in items())
    assert set(told.values()) == {1}
    assert [one.name for one in frameworks()] == list(FORMS)
    assert all(one.source and one.checked for one in frameworks())


@cache
def _named(file: str) -> frozenset[str]:
    text = (ROOT / file).read_text(encoding="utf-8")
    return frozenset(re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE))


def test_every_test_that_is_named_is_there():
    for named in {test for item in items() for test in item.tests}:
        file, _, function = named.partition("::")
        assert _named(file), named
        assert not function or function in _named(file), named


def test_every_promise_names_tests_that_run_at_each_check():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!promise|---)(.+) \| (`tests/[^|]+) \|$", text, re.MULTILINE)
    assert len(rows) == text.count("| `tests/")
    for promise, tests in rows:
        for named in re.findall(r"`([^`]+)`", tests):
            files = [ROOT / named] if named.endswith(".py") else [*(ROOT / named).glob("test_*.py")]
            assert files, promise
            for file in files:
                found = file.read_text(encoding="utf-8") if file.is_file() else ""
                assert re.search(r"^(async )?def test_", found, re.MULTILINE), (promise, named)


def test_the_times_to_replace_weak_components_are_documented():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    part = text.partition("## Weak and old components\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")][2:]
    told = {row[0].split(",")[-1].split(":")[0].strip(): int(row[-1]) for row in rows}
    assert list(told) == ["or critical", "high", "medium", "low", "none known"]
    assert list(told.values()) == sorted(told.values())
    assert told["or critical"] <= 14


def test_a_list_without_the_commonest_passwords_is_found(monkeypatch: pytest.MonkeyPatch):
    assert self_tests.passwords() == ""
    monkeypatch.setattr(self_tests, "weakness", lambda word, _: None if "q" in word else "weak")
    assert "are taken" in self_tests.passwords()
    monkeypatch.setattr(self_tests, "common", lambda: frozenset({"password1234"}))
    assert "are known, not 3000" in self_tests.passwords()


def test_the_gaps_are_those_of_the_documents():
    text = (ROOT / "docs" / "evidence.md").read_text(encoding="utf-8")
    part = text.partition("## Gaps\n")[2].partition("\nLevel 2")[0]
    told = dict(re.findall(r"^\| (V[\d.]+) \| (\d) \|", part, re.MULTILINE))
    assert told == {item.id: str(item.level) for item in items() if item.gap}


def test_what_this_version_does_not_do_is_never_vouched_away():
    gaps = [item for item in items() if item.gap]
    assert gaps
    for item in gaps:  # nothing stands beside a gap that could be taken for a part of it
        assert (item.checks, item.tests, item.attested) == ((), (), ""), item
    vouched = tuple(
        Attestation(i.framework, i.id, "R. Lane", date(2026, 1, 2)) for i in items() if i.attested
    )
    told = {(s.item.framework, s.item.id): s for s in stands(GOOD, vouched, date(2026, 6, 1))}
    for item in gaps:
        stand = told[item.framework, item.id]
        assert stand.state == "not-satisfied"
        assert item.gap in stand.words


def test_the_results_name_the_texts_and_show_gaps_and_tests_as_not_satisfied():
    told = oscal.document(
        "Clinic", GOOD, stands(GOOD, (), date(2026, 6, 1)), datetime(2026, 6, 1, tzinfo=UTC)
    )["assessment-results"]
    texts = [one["title"] for one in told["back-matter"]["resources"]]
    assert all(any(one.source in text for text in texts) for one in frameworks())
    (result,) = told["results"]
    for item, finding in zip(items(), result["findings"], strict=True):
        status = finding["target"]["status"]
        if item.gap:
            assert (status["state"], status["reason"]) == ("not-satisfied", "fail")
        elif item.tests or item.attested:
            assert (status["state"], status["reason"]) == ("not-satisfied", "other")
        else:
            assert (status["state"], status["reason"]) == ("satisfied", "pass")
        assert [prop["value"] for prop in finding.get("props", [])] == (
            [str(item.level)] if item.framework == ASVS else []
        )


def test_cookies_are_put_and_dropped_in_one_place():
    places = [
        path.name
        for path in (ROOT / "src" / "euthymia" / "app").rglob("*.py")
        if re.search(r"response\.(set|delete)_cookie\(", path.read_text(encoding="utf-8"))
    ]
    assert places == ["guard.py"]


def test_a_bound_cookie_is_taken_back_as_it_was_put():
    scope = {"type": "http", "scheme": "https", "server": ("localhost", 443), "path": "/"}
    request, response = Request(scope | {"headers": [], "query_string": b""}), Response()
    drop_cookie(request, response, "ticket", "lax")
    name, *rest = response.headers["set-cookie"].lower().split("; ")
    assert name == '__host-ticket=""'
    assert {"secure", "path=/", "max-age=0"} <= set(rest)  # else a browser minds it not


def test_loose_headers_are_found(monkeypatch: pytest.MonkeyPatch):
    assert self_tests.hsts() == self_tests.cookies() == self_tests.headers() == ""
    for loose in ("max-age=31536000", "max-age=60; includeSubDomains", "includeSubDomains"):
        monkeypatch.setattr(self_tests, "PAGES_TLS_ONLY", ("strict-transport-security", loose))
        assert "pages" in self_tests.hsts()
    sent = dict(self_tests.HEADERS)
    for name in ("x-content-type-options", "referrer-policy", "content-security-policy"):
        loosened = tuple((sent | {name: "unsafe-url"}).items())
        monkeypatch.setattr(self_tests, "HEADERS", loosened)
        assert "pages: " in self_tests.headers()


def test_loose_cookies_are_found(monkeypatch: pytest.MonkeyPatch):
    def loose(_request, response, name, value, _seconds, _samesite):
        response.set_cookie(name, value)

    monkeypatch.setattr(self_tests, "put_cookie", loose)
    assert "open to scripts" in self_tests.cookies()


def test_a_log_of_two_lines_is_found(monkeypatch: pytest.MonkeyPatch):
    plain = type("Plain", (), {"format": lambda _, record: str(record.msg).replace("mark", "x")})
    monkeypatch.setattr(self_tests, "AllowList", plain)
    assert "second line" in self_tests.logs()
