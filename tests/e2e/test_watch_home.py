"""`euthymia watch` on a clinic: who is scored, what is kept, what an erasure leaves."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.quality import quality
from euthymia.app.alerts.replay import Asked, replay
from euthymia.app.alerts.wanted import Wanted
from euthymia.app.calibrations import read
from euthymia.app.clinic import Clinic
from euthymia.app.people import print_worklist
from euthymia.app.watch import stream_for, watch
from euthymia.care.alerts.contract import Rule
from euthymia.care.alerts.lifecycle import Move
from euthymia.care.alerts.policy import shipped_text
from euthymia.care.monitor.contract import FAMILY, to_table
from euthymia.care.monitor.stream import episodes_of, judged, unseen_episodes
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import IntegrityError, MissingError, SchemaError
from small_clinic import TEST, subject_of
from watch_clinic import GONE, ILL, NOW, PEOPLE, REFUSED, make, put_days

BUDGET = 20.0  # folds go by pseudonym, drawn anew each time: the least of them has days enough


def quiet(*_: int) -> None:
    pass


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    made = make(tmp_path_factory.mktemp("watch") / "home")
    made.first_run = watch(made, quiet, BUDGET)  # type: ignore[attr-defined]
    yield made
    made.close()


def same(a: pa.Table, b: pa.Table) -> bool:
    """Tell whether two tables hold the same bits: NaN equals NaN."""
    if a.column_names != b.column_names or a.num_rows != b.num_rows:
        return False
    pairs = [(a[name].to_numpy(), b[name].to_numpy()) for name in a.column_names]
    return all(
        x.tobytes() == y.tobytes() if x.dtype.kind == "f" else (x == y).all() for x, y in pairs
    )


def stream(clinic: Clinic, name: str):
    who = subject_of(clinic, name)
    return stream_for(clinic, who, Entry(TEST, "read scores", Purpose.MONITORING, who))


def test_who_changed_has_an_open_episode_and_who_left_is_not_seen(clinic: Clinic) -> None:
    told = clinic.first_run  # type: ignore[attr-defined]
    assert (told["scored"], told["without_consent"]) == (PEOPLE - 1, 1)
    assert told["calibration"]["promised_days_to_an_alarm"] == BUDGET
    ill = episodes_of(stream(clinic, ILL))
    assert ill[-1].closed is None
    assert ill[-1].opened > stream(clinic, ILL).day[-1] - 21
    who = subject_of(clinic, GONE)
    lines = read(clinic.home, clinic.keyring).of(who)[1]
    gone = unseen_episodes(stream(clinic, GONE), lines)
    assert gone[-1].closed is None
    assert told["unseen"] == 1
    assert stream(clinic, REFUSED) is None


def test_a_second_run_writes_nothing_and_says_so_in_one_entry(clinic: Clinic) -> None:
    before = to_table(stream(clinic, ILL))
    told = watch(clinic, quiet, BUDGET)
    assert told["rows"] == 0
    assert same(to_table(stream(clinic, ILL)), before)
    entries = [e for e in clinic.ledger.entries() if e.action == "watch" and not e.subject]
    assert entries[-1].detail["scored"] == PEOPLE - 1
    assert clinic.store.verify() == []


def test_the_live_lines_give_back_the_stored_episodes(clinic: Clinic) -> None:
    for name in (ILL, GONE):
        kept = stream(clinic, name)
        lines = read(clinic.home, clinic.keyring).of(subject_of(clinic, name))[1]
        assert judged(kept, lines).episode.tobytes() == kept.episode.tobytes()


def test_the_worklist_says_what_changed(clinic: Clinic) -> None:
    who = subject_of(clinic, ILL)
    clinic.store.put_care_team(who, ["lee"], Entry(TEST, "set care team", Purpose.CARE, who))
    (item,) = print_worklist(clinic, "lee")
    assert item["urgency"] == "soon"
    assert item["why"].startswith("Unlike their own usual since")
    assert item["intervention"] == "ask-change"


def test_a_new_day_is_added_and_judged_days_stay(tmp_path: Path) -> None:
    today = NOW
    clinic = make(tmp_path / "home", lambda: today)
    watch(clinic, quiet, BUDGET)
    kept = to_table(stream(clinic, ILL))
    today = NOW + timedelta(days=1)
    told = watch(clinic, quiet, BUDGET)
    assert told["rows"] == PEOPLE - 1
    now = to_table(stream(clinic, ILL))
    assert same(now.slice(0, kept.num_rows), kept)
    assert now.num_rows == kept.num_rows + 1
    today = NOW + timedelta(days=9)  # the machine's clock runs ahead, and is put right again
    watch(clinic, quiet, BUDGET)
    today = NOW + timedelta(days=1)
    assert same(to_table(stream(clinic, ILL)), now)
    assert watch(clinic, quiet)["rows"] == 0
    with pytest.raises(SchemaError, match="--recalibrate"):
        watch(clinic, quiet, 2 * BUDGET)
    put_days(clinic, ILL, NOW.date(), 3, 77, ill=False)  # late data changes the last days only
    assert watch(clinic, quiet, BUDGET)["rows"] == 3
    late = to_table(stream(clinic, ILL))
    assert same(late.slice(0, kept.num_rows - 2), kept.slice(0, kept.num_rows - 2))
    who = subject_of(clinic, ILL)
    clinic.store.erase(who, Entry(TEST, "erase subject", Purpose.CARE, who))
    with pytest.raises(MissingError):
        clinic.store.features(who, FAMILY, Entry(TEST, "read", Purpose.MONITORING, who))
    clinic.home.watch.write_bytes(b"x" * 200)
    with pytest.raises(IntegrityError, match=r"watch\.sealed"):
        watch(clinic, quiet, BUDGET)
    clinic.close()


def test_without_people_there_is_nothing_to_watch(tmp_path: Path) -> None:
    from euthymia.app.config import ClinicConfig, Config

    with_nobody = Clinic.create(tmp_path / "h", Config(clinic=ClinicConfig(name="T")), lambda: NOW)
    with pytest.raises(SchemaError, match="too few people"):
        watch(with_nobody, quiet)
    with_nobody.close()


def test_a_frozen_baseline_is_watched_beside_the_rolling_one(
    clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    from euthymia.app.cli import main

    who = subject_of(clinic, ILL)
    home = ["--home", str(clinic.home.path), "--json"]
    assert (
        main(["watch", "baseline", who, "--since", "2026-03-01", "--until", "2026-05-01", *home])
        == 0
    )
    assert json.loads(capsys.readouterr().out)["since"] == "2026-03-01"
    assert (
        main(["watch", "baseline", who, "--since", "2026-06-01", "--until", "2026-06-20", *home])
        == 1
    )
    assert "28 days" in json.loads(capsys.readouterr().out)["error"]
    watch(clinic, quiet, BUDGET)
    frozen = stream(clinic, ILL).frozen
    assert frozen[-1] > frozen[-30]
    assert main(["watch", "baseline", who, "--clear", *home]) == 0


def test_from_the_watch_to_an_alert_to_somebody_who_acts_to_the_quality_board(
    clinic: Clinic,
) -> None:
    who = subject_of(clinic, ILL)
    clinic.store.put_care_team(who, ["lee"], Entry(TEST, "set care team", Purpose.CARE, who))
    (before,) = print_worklist(clinic, "lee")
    assert before["alert"] is None
    alerts = Alerts(clinic)
    assert alerts.run()["first"]
    (line,) = alerts.desk("lee", "coordinator").lines
    assert Rule.DRIFT in line.alert.rules
    (row,) = print_worklist(clinic, "lee")
    assert (row["alert"], row["owner"]) == (line.alert.id, "lee")
    assert row["why"] == before["why"], "said as before, and opened as an alert"
    card = alerts.card("lee", "coordinator", who, line.alert.id)
    assert card.changes
    assert card.alert.viewed_at is not None
    for move, reason in ((Move.ACKNOWLEDGE, "will-contact"), (Move.RESOLVE, "contacted")):
        alerts.act("lee", "coordinator", Wanted(who, line.alert.id, move, reason, felt="better"))
    assert print_worklist(clinic, "lee") == []
    told = quality(clinic)
    assert told["recorded"]
    assert told["alerts"] >= 1
    assert [told["times_h"][name]["done"] for name in ("view", "acknowledge", "act")] == [1, 1, 1]
    assert told["contact"]["with_contact"] == 1
    assert told["overrides"]["by_reason"] == {"contacted": 1}
    again = replay(clinic, Asked(shipped_text()))
    assert again["live_as_it_was"]["identical"] == again["live_as_it_was"]["people"] > 0
