"""Old rows that were put back: the hourly run finds them, and the pages say so until they agree."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.app.alerts.desk import Alerts
from euthymia.app.cli import main
from euthymia.app.clinic import Clinic, wall_clock
from euthymia.app.entries import Fact, write_entry
from euthymia.app.web.retold import retold
from euthymia.ground.codes import PHQ9_ITEMS
from euthymia.ground.errors import BusyError
from euthymia.ground.ids import SourceId
from small_clinic import DOCTOR, MRN, TEST, Hands, copied_clinic, make_clinic, subject_of

SAID = "The stored data are not those that were written last"


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    hands = Hands()
    with copied_clinic(tmp_path, hands) as made:
        Alerts(made).run()
        hands.turn(timedelta(minutes=5))
        yield made


def put_back(clinic: Clinic) -> list[tuple]:
    """Write an answer, and put the person's rows of before in its place; return the newer ones."""
    db, who = clinic.store._db, subject_of(clinic, "MRN-1")
    before = db.all("SELECT * FROM block ORDER BY key")
    one = [Fact(PHQ9_ITEMS[8], 2.0)]
    write_entry(clinic, TEST, who, SourceId(MRN, "MRN-1"), one, action="write questionnaire")
    after = db.all("SELECT * FROM block ORDER BY key")
    replace(clinic, before)
    return after


def replace(clinic: Clinic, rows: list[tuple]) -> None:
    db = clinic.store._db
    db.run("DELETE FROM block")
    db.run_many(f"INSERT INTO block VALUES({', '.join('?' * len(rows[0]))})", rows)


def notices(clinic: Clinic) -> list[str]:
    return [word for a in Alerts(clinic).desk(DOCTOR, "clinician").notices for word in a.words]


def test_rows_that_were_put_back_are_told_until_they_agree_again(clinic: Clinic) -> None:
    assert Alerts(clinic).run()["altered"] == []
    after = put_back(clinic)
    found = Alerts(clinic).run()
    assert "put back" in found["altered"][0]
    assert found["pipeline"] is False  # that something was scored is another matter
    (said,) = (word for word in notices(clinic) if word.startswith(SAID))
    assert retold(said, "es").startswith("Los datos guardados no son los últimos")
    assert said in Alerts(clinic).overview()[1]  # what the worklist is told as well
    Alerts(clinic).run()
    told = [line for line in clinic.ledger.entries() if line.action == "find altered store"]
    assert len(told) == 1
    replace(clinic, after)
    assert Alerts(clinic).run()["altered"] == []
    assert not any(word.startswith(SAID) for word in notices(clinic))


def test_the_command_of_a_timer_ends_with_1_where_rows_were_put_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clinic = make_clinic(tmp_path / "home", clock=wall_clock)
    command = ["--home", str(clinic.home.path), "alerts", "run"]
    assert main(command) == 0
    put_back(clinic)
    assert main(command) == 1
    assert "CHANGED FROM OUTSIDE" in capsys.readouterr().out
    clinic.close()


def test_a_store_that_others_hold_is_no_altered_one(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy() -> list[str]:
        raise BusyError("another program holds it")

    with monkeypatch.context() as held:
        held.setattr(clinic.store, "compared", busy)
        assert Alerts(clinic).run()["altered"] == []
        assert not any(word.startswith(SAID) for word in notices(clinic))
    put_back(clinic)
    Alerts(clinic).run()
    monkeypatch.setattr(clinic.store, "compared", busy)
    Alerts(clinic).run()  # what was found stands
    assert any(word.startswith(SAID) for word in notices(clinic))
