"""What may be suggested to the care team, as data: one TOML file an intervention.

Euthymia starts none of them. A rule of the worklist names the file whose `step` it shows; a named
person decides.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Final

import msgspec

from euthymia.ground.errors import SchemaError

_SUFFIX: Final = ".toml"


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one paper says for or against; `doi` is empty where nothing is published."""

    says: str
    paper: str = ""
    doi: str = ""


class Intervention(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing a clinician may do next.

    `step` is shown on the worklist; `{points}` and `{device}` in it are filled in by the rule.
    `within_days` is how soon (0: today), `outcome` the instrument that tells whether it helped.
    """

    title: str
    step: str
    because: str
    for_whom: str
    not_for: tuple[str, ...]
    within_days: int
    stop_when: tuple[str, ...]
    outcome: str
    outcome_change: str
    evidence: tuple[Evidence, ...]


def parse(text: bytes, file: str) -> Intervention:
    """Read one intervention; SchemaError names the file, the field and what is wrong."""
    try:
        found = msgspec.toml.decode(text, type=Intervention)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise SchemaError(f"{file}: {error}") from error
    if not found.evidence:
        raise SchemaError(f"{file}: evidence is empty; say what is known, or that nothing is")
    return found


@lru_cache(maxsize=1)
def interventions() -> Mapping[str, Intervention]:
    """Return every intervention by its file's name."""
    folder = files(__name__)
    return {
        entry.name.removesuffix(_SUFFIX): parse(entry.read_bytes(), entry.name)
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(_SUFFIX)
    }
