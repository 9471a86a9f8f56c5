"""Between a check and what rests on it, and what a terminal is told: sessions, streams, escapes."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.requests import Request

from accounts_help import PASSWORD, SHELL, code_of, enrolled
from euthymia.app.cli import main
from euthymia.app.clinic import Clinic
from euthymia.app.people import change_care_team
from euthymia.app.shell import shown
from euthymia.app.web import live
from euthymia.app.web.live import Live
from euthymia.app.web.pages import Site, build_site
from page_browser import Browser
from small_clinic import MINE, Hands
from web_clinic import NOW, TestClinic

HERE = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def hands() -> Hands:
    return Hands(NOW)


@pytest.fixture
def pages(tmp_path: Path, hands: Hands) -> Iterator[TestClinic]:
    made = TestClinic.make(tmp_path, people=2)
    assert made.accounts is not None
    made.sessions = replace(made.sessions, clock=hands)
    made.accounts.clock = hands
    made.sessions.tokens._revoked = made.accounts.ended
    enrolled(made.accounts, made.sessions.tokens, "dr-lee")
    yield made
    made.ledger.close()


@pytest.mark.parametrize("what", ["reset", "everywhere", "nothing"])
def test_session_proven_before_its_user_was_reset(
    pages: TestClinic, hands: Hands, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Has a stolen password and code accepted just before the owner has everything taken away.

    The session is opened seconds later, for the server was busy: it is over before it begins.
    """
    accounts = pages.accounts
    assert accounts is not None
    own = accounts.sign_in

    def late(*typed: str) -> tuple[str, str]:
        proven = own(*typed)
        hands.turn(timedelta(seconds=2))
        if what == "reset":
            accounts.reset("dr-lee", SHELL, pages.sessions.tokens)
        if what == "everywhere":
            accounts.end_everywhere("dr-lee", SHELL)
        hands.turn(timedelta(seconds=3))
        return proven

    monkeypatch.setattr(accounts, "sign_in", late)
    thief = Browser(build_site(pages))
    form = {"user": "dr-lee", "password": PASSWORD, "otp": code_of(accounts, "dr-lee", NOW)}
    thief.post("/signin/password", data=form, headers=HERE)
    assert thief.get("/").status_code == (200 if what == "nothing" else 303)


def test_stream_of_somebody_who_signed_out(
    pages: TestClinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left a worklist open in another window: it hears no more once the session has ended."""
    for name, seconds in {"LOOK_S": 0.001, "QUIET_S": 0.0, "LENGTH_S": 30.0}.items():
        monkeypatch.setattr(live, name, seconds)
    token, _ = pages.sessions.sign_in(pages.code())
    headers = [(b"cookie", f"euthymia={token}".encode()), (b"accept", b"text/event-stream")]

    async def listen() -> list[str]:
        async def silent() -> dict[str, object]:
            await asyncio.Event().wait()
            raise AssertionError

        scope = {"type": "http", "method": "GET", "path": "/worklist/changes", "headers": headers,
                 "query_string": b"", "scheme": "http", "server": ("127.0.0.1", 80)}  # fmt: skip
        answer = await Live(Site(pages)).changes(Request(scope, silent))
        heard = []
        async for said in answer.body_iterator:  # type: ignore[attr-defined]
            heard.append(str(said))
            pages.changes += 1
            if len(heard) == 2:
                pages.sessions.end(pages.sessions.visitor(token))
        return heard

    heard = asyncio.run(asyncio.wait_for(listen(), 20))
    assert [line.partition("event: ")[2].partition("\n")[0] for line in heard] == [
        "state",
        "changed",
    ]


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp\r"


def test_escapes_from_a_file_on_a_terminal(clinic: Clinic, capsys: pytest.CaptureFixture) -> None:
    """Puts orders to a terminal into a name that a command shows: it would obey them."""
    home = clinic.home.path
    change_care_team(clinic, MINE, [f"dr-{ESCAPES}lee"], [])
    clinic.close()
    assert main(["--home", str(home), "care-team", MINE]) == 0
    assert main(["--home", str(home), "ingest", f"/nowhere/{ESCAPES}"]) != 0
    told = capsys.readouterr()
    assert "dr-?]0;owned??[2J?31m?gnp?lee" in told.out
    assert not [c for c in told.out + told.err if c in ESCAPES and not c.isprintable()]


def test_what_is_shown_is_otherwise_as_written() -> None:
    kept = "Zo\u00eb \u0646\u06cc\u0645\u200c\u0641\u0627\u0635\u0644\u0647\t1\r\n2\u00a03"
    assert shown(kept) == kept
