"""What the command line does about one person: show, erase, care team, worklist."""

from collections.abc import Sequence
from typing import Any

import msgspec

from euthymia.app.accounts.emergencies import forget
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.consents import consents_of
from euthymia.app.snapshots import withdraw_person
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import day_date
from euthymia.ground.errors import EuthymiaError, MissingError


def list_subjects(clinic: Clinic) -> list[str]:
    """Return all pseudonyms."""
    return [
        str(s) for s in clinic.store.subjects(Entry(shell_actor(), "list subjects", Purpose.CARE))
    ]


def show_subject(clinic: Clinic, subject: str) -> dict[str, Any]:
    """Return what is held about a subject: counts, spans and consents, no name and no note."""
    who = clinic.resolve(subject)
    audit = Entry(shell_actor(), "show subject", Purpose.CARE, who)
    observations = clinic.store.observations(who, audit)
    streams = {
        stream: {
            "rows": sum(rows for rows, _ in days.values()),
            "days": len(days),
            "first": day_date(min(days)).isoformat(),
            "last": day_date(max(days)).isoformat(),
        }
        for stream, days in clinic.store.segments(who).items()
        if days
    }
    return {
        "subject": who,
        "attributes": dict(clinic.store.attributes(who, audit)),
        "observations": observations.num_rows,
        "streams": streams,
        "time_zones": [zone for _, zone in clinic.store.timeline(who).changes],
        "care_team": sorted(clinic.store.care_team(who)),
        "merged_with": list(clinic.store.merged(who)),
        "consents": consents_of(clinic, who),
    }


def change_care_team(
    clinic: Clinic, subject: str, add: Sequence[str], remove: Sequence[str]
) -> list[str]:
    """Return the users in a care relationship, after the change asked for (if any)."""
    who = clinic.resolve(subject)
    before = clinic.store.care_team(who)
    after = (before | set(add)) - {_on_team(user, before | set(add)) for user in remove}
    if after != before:
        detail = {"added": len(after - before), "removed": len(before - after)}
        audit = Entry(shell_actor(), "set care team", Purpose.CARE, who, detail)
        clinic.store.put_care_team(who, sorted(after), audit)
    return sorted(after)


def _on_team(user: str, team: frozenset[str]) -> str:
    """Return the member that `user` names: whole, or by the value alone of SYSTEM|VALUE."""
    if user in team:
        return user
    found = [member for member in team if member.rpartition("|")[2] == user]
    if len(found) == 1:
        return found[0]
    problem = "several people" if found else "nobody"
    raise MissingError(
        f"--remove names {problem} on this care team, and nothing was changed: `euthymia "
        "care-team SUBJECT` lists the members; name one as it is written there"
    )


_BECAUSE = "a person in it is erased"
NOT_PRIVATE = "none: not trained with differential privacy"


def erase_subject(clinic: Clinic, subject: str) -> dict[str, Any]:
    """Destroy the person's keys and every row about them; say which models saw them.

    A model keeps what it learnt: `epsilon` bounds how much that can be of one person, where it was
    trained so.
    """
    who = clinic.resolve(subject)
    merged = list(clinic.store.merged(who))
    entry = Entry(shell_actor(), "erase subject", Purpose.CARE, who)
    snapshots = withdraw_person(clinic, who, _BECAUSE)
    try:
        told = clinic.store.erase(who, entry)
    except EuthymiaError:  # they may be erased all the same; what is left the next command does
        if clinic.store.resolve(who) is None:
            forget(clinic.accounts, who, shell_actor())
            withdraw_person(clinic, who, _BECAUSE)
        clinic.tell_backups()
        raise
    forget(clinic.accounts, who, shell_actor())
    snapshots += withdraw_person(clinic, who, _BECAUSE)  # one made in these moments
    missed = clinic.write_tombstones()
    models = [_saw(clinic, name) for name in clinic.registry.trained_with(who)]
    return {
        "subject": who,
        "ledger_entry": told,
        "merged_with": merged,
        "models": models,
        "snapshots": snapshots,
        "backups_not_told": missed,
    }


def _saw(clinic: Clinic, name: str) -> dict[str, Any]:
    bundle, entry = clinic.registry.load(name, for_use=False)
    privacy = bundle.card.get("differential_privacy")
    epsilon = privacy.get("epsilon") if isinstance(privacy, dict) else None
    said = NOT_PRIVATE if epsilon is None else f"epsilon {epsilon}"
    return {"model": name, "state": entry.state, "epsilon": epsilon, "privacy": said}


def print_worklist(clinic: Clinic, user: str) -> list[dict[str, Any]]:
    """Return a user's worklist as plain values, by pseudonym."""
    from euthymia.app.web.backend import worklist_items

    return [
        {**msgspec.to_builtins(item), "since": item.since_on and item.since_on.isoformat()}
        for item in worklist_items(clinic, user)
    ]
