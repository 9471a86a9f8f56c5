"""What `euthymia keys` does: say what there is, begin new epochs, change the root."""

from pathlib import Path
from typing import Any

import msgspec

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.config import parse
from euthymia.app.home import accept_config
from euthymia.app.in_force import SETTINGS, digest_of
from euthymia.app.shell import Progress
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.errors import EuthymiaError
from euthymia.security.key_tree import LEDGER, LIVE, MODEL, RESEARCH, TRAIN, ZONES
from euthymia.security.roots import Vault

ROTATED = (LIVE, RESEARCH, TRAIN, LEDGER)
"""The zones that wrap keys of subjects."""


def status(clinic: Clinic) -> dict[str, Any]:
    """Return the root's kind, and what each zone's epochs hold."""
    keyring, held = clinic.keyring, clinic.store.census()
    zones: dict[str, Any] = {}
    for zone in ZONES:
        numbers = keyring.epochs(zone)
        under = held.get(zone, {})
        zones[zone] = {
            "epoch": numbers[-1],
            "unfinished": len(numbers) > 1,
            "from_root_alone": keyring.from_root_alone(zone),
            "epochs": [
                {"epoch": n, "subjects": under.get(n, (0, 0))[0], "blocks": under.get(n, (0, 0))[1]}
                for n in sorted({*numbers, *under})
            ],
        }
    settings = {k: v for k, v in keyring.root_settings.items() if k != "salt"}
    return {"root": {"kind": keyring.root_kind, **settings}, "zones": zones}


def rotate(clinic: Clinic, zones: tuple[str, ...], progress: Progress) -> dict[str, Any]:
    """Begin a new epoch in each zone, bring everything under it, destroy the ones before it.

    Stopped at any moment, the next call goes on where it was.
    """
    if MODEL in zones:
        raise EuthymiaError(
            "zone model wraps no key of a subject: its models are sealed anew when they are "
            "trained; `--root` changes what protects its keys"
        )
    done: dict[str, Any] = {}
    for zone in zones or ROTATED:
        audit = Entry(shell_actor(), "rotate keys", Purpose.CARE, detail={"zone": zone})
        made = clinic.store.rotate(zone, audit, progress)
        done[zone] = {"epoch": made.epoch, "subjects": made.subjects, "blocks": made.blocks}
    return {"zones": done}


def change_root(clinic: Clinic, vault: Vault | None, secret_file: Path | None) -> dict[str, Any]:
    """Put the keys under a new root; the old one opens nothing from then on."""
    detail = {"from": clinic.keyring.root_kind, "to": vault.kind if vault else "key-file"}
    told = clinic.ledger.append(
        Entry(shell_actor(), "change root key", Purpose.CARE, detail=detail)
    )
    clinic.keyring.change_root(vault)
    if str(secret_file or "") != (clinic.config.keys.secret_file or ""):
        _name_secret_file(clinic, secret_file)
    return {"root": clinic.keyring.root_kind, "ledger_entry": told}


def _name_secret_file(clinic: Clinic, secret_file: Path | None) -> None:
    """Write `keys.secret_file` into the settings, and leave the rest of them as it is."""
    path = clinic.home.config_file
    lines, section, out = path.read_text(encoding="utf-8").splitlines(), "", []
    encoded = msgspec.json.encode(str(secret_file)).decode()
    said = f"secret_file = {encoded}" if secret_file else "# secret_file = "
    for line in lines:
        section = line.strip() if line.startswith("[") else section
        if section == "[keys]" and line.lstrip("# ").startswith("secret_file"):
            continue
        out.append(line)
        if line.strip() == "[keys]":
            out.append(said)
    text = "\n".join(out) + "\n"
    named = parse(text.encode(), path.name).keys.secret_file
    if named != (str(secret_file) if secret_file else None):
        raise EuthymiaError(f"add [keys] {said} to {path.name}, then run `euthymia init`")
    path.write_text(text, encoding="utf-8")
    accept_config(clinic.home, clinic.keyring)
    detail = {SETTINGS: digest_of(path)}
    clinic.ledger.append(Entry(shell_actor(), "accept settings", Purpose.CARE, detail=detail))
