"""What was in force once is put back, or taken away, each with the digest of its own time."""

import shutil
import threading
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from euthymia.app import reports, verify
from euthymia.app.alerts import policy_file
from euthymia.app.alerts.desk import Alerts
from euthymia.app.backup import back_up
from euthymia.app.clinic import Clinic
from euthymia.app.home import Home, accept_config
from euthymia.app.policies import accept as accept_policies
from euthymia.app.restore import Wish, restore
from euthymia.app.setup import accept_settings
from euthymia.app.verify import verify_home
from euthymia.app.watch import watch
from euthymia.care.alerts.policy import shipped_text
from euthymia.ground.audit import Entry, Purpose
from euthymia.security.keys import Keyring
from euthymia.store.sealed import SealedStore
from small_clinic import TEST, Hands, copied_clinic
from watch_clinic import make

NARROW = """@id("two-factors")
forbid (principal, action == Action::"view patient", resource) unless { context.second_factor };
"""
NARROWER = (
    NARROW
    + """@id("no-coordinator")
forbid (principal == Role::"coordinator", action == Action::"view patient", resource);
"""
)
TRIALS = """study,treatment,outcome,events,n
SYNTHETIC 1,placebo,response,20,100
SYNTHETIC 1,sertraline,response,{},100
SYNTHETIC 2,placebo,response,22,100
SYNTHETIC 2,sertraline,response,41,100
"""


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody puts anything into force beside `verify`: it need not wait to see whether they do."""
    monkeypatch.setattr(verify, "PATIENCE_S", 0)


def nothing(_done: int, _of: int) -> None:
    pass


def problems(home: Path) -> list[str]:
    return verify_home(home, nothing)


def put_into_force(home: Path, hands: Hands, *, second: bool) -> None:
    """Accept settings, policies, an alert policy and evidence, as a clinic does over the years."""
    text = (home / "euthymia.toml").read_text().replace("idle_minutes = 15", "idle_minutes = 10")
    (home / "euthymia.toml").write_text(text + "# reviewed\n" * second)
    (home / "evidence").mkdir(exist_ok=True)
    (home / "evidence" / "depression.csv").write_text(TRIALS.format(44 if second else 43))
    assert accept_settings(home), "the evidence is accepted with the settings"
    (home / "policies.cedar").write_text(NARROWER if second else NARROW)
    accept_policies(home, None)
    with Clinic.opened(home, hands) as clinic:
        policy_file.accept(clinic, shipped_text() + "# reviewed\n" * (1 + second))
        Alerts(clinic).run()


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a home, and what it was a year before."""
    folder, hands = tmp_path_factory.mktemp("force"), Hands()
    with copied_clinic(folder, hands):
        pass
    put_into_force(folder / "home", hands, second=False)
    shutil.copytree(folder / "home", folder / "before")
    hands.turn(timedelta(days=1))
    put_into_force(folder / "home", hands, second=True)
    assert problems(folder / "home") == []
    return folder / "home", folder / "before"


@pytest.fixture
def attacked(homes: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    shutil.copytree(homes[0], tmp_path / "home")
    return tmp_path / "home", homes[1]


PARTS = {
    "euthymia.toml": ("euthymia.toml", "euthymia.toml.seal"),
    "policies.cedar": ("policies.cedar", "policies.cedar.seal"),
    "alerts.yaml": ("alerts.yaml", "alerts.yaml.seal"),
    "the published evidence": ("evidence/depression.csv", "evidence.seal"),
}


@pytest.mark.parametrize("what", PARTS)
def test_what_was_accepted_before_is_put_back(what: str, attacked: tuple[Path, Path]):
    """Puts last year's rules back with last year's digest: each opens, and verify tells."""
    home, before = attacked
    for name in PARTS[what]:
        shutil.copy(before / name, home / name)
    found = problems(home)
    assert len(found) == 1
    assert found[0].startswith(what)


@pytest.mark.parametrize("what", [name for name in PARTS if name != "euthymia.toml"])
def test_what_was_accepted_is_taken_away(what: str, attacked: tuple[Path, Path]):
    """Removes a clinic's own rules with their digest, so that the shipped ones hold again."""
    home, _ = attacked
    for name in PARTS[what]:
        (home / name).unlink()
    assert [problem.startswith(what) for problem in problems(home)] == [True]


def test_what_is_put_into_force_while_verify_runs(
    attacked: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
):
    """The settings lie there and the ledger is told of them a moment later: no alarm."""
    home, _ = attacked
    with (home / "euthymia.toml").open("a") as file:
        file.write("# reviewed once more\n")
    accept_config(Home(home), Keyring.open(home / "keys"))
    monkeypatch.setattr(time, "sleep", lambda _s: accept_settings(home))
    assert problems(home) == []


def test_all_alerts_silenced_by_removing_their_book(attacked: tuple[Path, Path]):
    """Removes the book of alerts: the pages show none until the next run."""
    home, _ = attacked
    (home / "alerts.sealed").unlink()
    assert ["alerts.sealed is missing" in problem for problem in problems(home)] == [True]


@pytest.mark.parametrize("how", ["changed", "added", "removed"])
def test_trials_that_treatments_are_ranked_by(how: str, attacked: tuple[Path, Path]):
    """Makes a treatment look better than the trials say."""
    home, _ = attacked
    trials = home / "evidence" / "depression.csv"
    if how == "changed":
        trials.write_text(TRIALS.format(84))
    elif how == "added":
        (home / "evidence" / "certificate.json").write_text("{}")
    else:
        trials.rename(home / "evidence" / "depression.txt")
    assert any("evidence is not as it was accepted" in problem for problem in problems(home))


def test_lines_of_the_watch_that_raise_fewer_alarms(tmp_path: Path):
    """Puts back the lines of before they were set anew."""
    with closing(make(tmp_path / "home")) as clinic:
        watch(clinic, nothing, 30)
        old = clinic.home.watch.read_bytes()
        watch(clinic, nothing, 30, anew=True)
        home = clinic.home.path
    assert problems(home) == []
    (home / "watch.sealed").write_bytes(old)
    assert [problem.startswith("watch.sealed") for problem in problems(home)] == [True]


def test_lines_that_a_stopped_run_set_are_no_false_alarm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The lines are set anew, and the run ends before all scores are stored."""
    with closing(make(tmp_path / "home")) as clinic:
        watch(clinic, nothing, 30)
        monkeypatch.setattr(SealedStore, "grouped", interrupted)
        with pytest.raises(KeyboardInterrupt):
            watch(clinic, nothing, 30, anew=True)
        home = clinic.home.path
    assert problems(home) == []


def interrupted(*_args: object) -> None:
    raise KeyboardInterrupt


def test_evidence_that_nobody_accepted_yet_is_not_said_to_be_changed(attacked: tuple[Path, Path]):
    """As it lies in a home of before evidence was accepted."""
    home, _ = attacked
    (home / "evidence.seal").unlink()
    (found,) = problems(home)
    assert "nobody has accepted the published evidence" in found


def test_what_is_in_force_comes_through_a_restore(homes: tuple[Path, Path], tmp_path: Path):
    """The evidence is in the backup too, and all of it verifies where it was restored."""
    (homes[0] / "evidence" / ".DS_Store").write_bytes(b"what a desktop leaves")
    accept_settings(homes[0])
    with Clinic.opened(homes[0], Hands()) as clinic:
        back_up(clinic, tmp_path / "backup", with_root=True, progress=nothing)
    restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)
    assert not (tmp_path / "new" / "evidence" / ".DS_Store").exists(), "no backup holds it"
    assert (tmp_path / "new" / "evidence" / "depression.csv").is_file()
    assert problems(tmp_path / "new") == []


def test_backup_while_policies_and_a_report_come_into_force(
    homes: tuple[Path, Path], tmp_path: Path
):
    """The ledger of the backup is of before, and so is all that it tells of."""
    shutil.copytree(homes[0], tmp_path / "home")
    with Clinic.opened(tmp_path / "home", Hands()) as clinic:
        done: list[int] = []

        def meanwhile(step: int, _of: int) -> None:
            if step == 1 and not done:
                done.append(step)
                beside = threading.Thread(target=both)
                beside.start()
                waiting.append(beside)
                beside.join(0.5)  # a training waits until the reports are copied

        def both() -> None:
            with Clinic.opened(tmp_path / "home", Hands()) as other:
                policy_file.accept(other, shipped_text() + "# in the night\n")
                keep_report(other)

        waiting: list[threading.Thread] = []
        back_up(clinic, tmp_path / "backup", with_root=True, progress=meanwhile)
        waiting[0].join()
    restore(tmp_path / "backup", tmp_path / "new", Wish(), nothing)
    assert problems(tmp_path / "new") == []
    assert problems(tmp_path / "home") == []


def keep_report(clinic: Clinic) -> None:
    """Write a training report as `train` does, and tell the ledger of it."""
    file = clinic.home.reports / "relapse-30d-9.html"

    def vouch(digest: str) -> None:
        told = {"registry_counter": 0, "report": file.name, "report_sha256": digest}
        clinic.ledger.append(Entry(TEST, "train model", Purpose.TRAINING, None, told))

    reports.keep(file, b"<html>", vouch, clinic.ledger.entries)
