"""`euthymia policy`: check, accept, and what becomes of a file changed behind the clinic's back."""

from pathlib import Path

import pytest

from euthymia.app.clinic import Clinic
from euthymia.ground.audit import Purpose
from euthymia.ground.errors import IntegrityError
from small_clinic import copied_clinic
from whole_clinic import call

FACTOR = """@id("factor")
forbid (principal == Role::"clinician", action == Action::"view patient", resource)
unless { context.second_factor };
"""


@pytest.mark.slow
def test_check_says_what_changes_and_accept_puts_it_into_force(tmp_path: Path):
    with copied_clinic(tmp_path) as clinic:
        home = clinic.home.path

    own = tmp_path / "own.cedar"
    own.write_text(FACTOR, encoding="utf-8")

    code, shipped = call(home, "policy", "check")
    assert (code, shipped["changes"], shipped["file"]) == (0, [], "shipped")
    code, checked = call(home, "policy", "check", str(own))
    assert code == 0
    assert [(c["role"], c["action"], c["now"]) for c in checked["changes"]] == [
        ("clinician", "view patient", "refused")
    ]
    code, accepted = call(home, "policy", "accept", str(own))
    assert code == 0, accepted
    with Clinic.opened(home) as clinic:
        asked = {"role": "clinician", "action": "view patient", "purpose": Purpose.CARE}
        ruling = clinic.policies.decide(**asked, related=True)
        assert ruling.rule == "second factor"
        told = [line for line in clinic.ledger.entries() if line.action == "accept policies"]
        assert len(told) == 1
        assert told[0].detail["changes"] == 1
    assert call(home, "policy", "check")[1]["changes"] == []
    assert call(home, "verify")[0] == 0

    changed = home / "policies.cedar"
    changed.write_text(FACTOR.replace("forbid", "permit").replace("unless", "when"))
    assert call(home, "show")[0] == 1
    code, found = call(home, "verify")
    assert code == 1
    assert any("policies" in problem for problem in found["problems"])
    changed.unlink()
    assert call(home, "show")[0] == 1
    assert call(home, "policy", "accept")[0] == 0
    assert call(home, "show")[0] == 0
    assert call(home, "verify")[0] == 0


def test_a_policy_changed_behind_the_clinics_back_stops_everything(tmp_path: Path):
    with copied_clinic(tmp_path) as clinic:
        home, policies, keyring = clinic.home.path, clinic.home.policies, clinic.keyring
        policies.keep(keyring, FACTOR.encode())
    with Clinic.opened(home) as clinic:
        asked = {"role": "clinician", "action": "view patient", "purpose": Purpose.CARE}
        assert clinic.policies.decide(**asked, related=True).rule == "second factor"
    good = policies.file.read_bytes()
    for changed in (good + b"\n", b"", good.replace(b"unless", b"when"), None):
        policies.file.unlink()
        if changed is not None:
            policies.file.write_bytes(changed)
        with pytest.raises(IntegrityError, match="not the file that was accepted"):
            Clinic.open(home)
        policies.file.write_bytes(good)
    policies.seal.unlink()
    with pytest.raises(IntegrityError, match="not the file that was accepted"):
        Clinic.open(home)


def test_what_does_not_fit_is_refused_with_its_reason(tmp_path: Path):
    own = tmp_path / "own.cedar"
    own.write_text('permit (principal == Role::"admin", action, resource);', encoding="utf-8")
    code, checked = call(tmp_path / "no-home", "policy", "check", str(own))
    assert code == 1
    assert any("admin" in problem for problem in checked["problems"])
    with copied_clinic(tmp_path) as clinic:
        home = clinic.home.path
    code, refused = call(home, "policy", "accept", str(own))
    assert code == 1
    assert "admin" in refused["error"]
    assert not (home / "policies.cedar").exists()
    assert call(home, "policy", "check", str(tmp_path / "nowhere.cedar"))[0] == 1
