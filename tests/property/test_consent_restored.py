"""A restore opens nothing that was closed since the backup, whoever closed it and however."""

from collections.abc import Sequence
from random import Random

from euthymia.app.since_backup import beyond
from euthymia.gateway.contract import GrantRecord
from euthymia.gateway.permits import standing
from euthymia.ground.audit import Purpose
from euthymia.ground.scope import Scope
from euthymia.security.consent import Use, covers
from euthymia.store.consent import GIVEN, WITHDRAWN, decided, told_as

P = Purpose.RESEARCH
USES = (
    Use(P, stream="location", category="location"),
    Use(P, stream="calls", category="contacts"),
    Use(P, category="location"),
    Use(P, category="records"),
    Use(P, category="notes", label="hiv"),
    Use(P, category="records", recipient="Univ"),
)
SCOPES = (
    None,
    Scope(streams=("location",)),
    Scope(categories=("records",)),
    Scope(labels=("hiv",)),
    Scope(recipients=("Univ",)),
)
Step = tuple[bool, GrantRecord]


def decision(draw: Random, now: int) -> Step:
    """Return whether it was typed, or came in a file, and the decision."""
    by_hand = draw.random() < 0.5
    since = now if by_hand else now + draw.choice([0, -50, -5, 31])
    until = draw.choice([None, None, since + 100, since + 21, since + 400])
    form = "form" if not by_hand and draw.random() < 0.5 else ""
    told = now if since > now else 0
    limits = (draw.choice(SCOPES), "", form, now if form else 0, told)
    return by_hand, GrantRecord(P, draw.random() < 0.5, since, until, "", *limits)


def steps(draw: Random) -> list[tuple[int, Step]]:
    """Return decisions in the order in which the clinic hears of them, and when."""
    now, found = 1000, []
    for _ in range(draw.randint(1, 6)):
        now += draw.randint(52, 90)  # a decision of each instant: which is later is known
        found.append((now, decision(draw, now)))
    return found


def restored(backup: Sequence[GrantRecord], since: Sequence[tuple[int, Step]]) -> list[GrantRecord]:
    """Return what a restore makes of a backup's decisions, by what the ledger was told since."""
    grants, withdrawn, anew = list(backup), 0, 0
    for now, (by_hand, new) in since:
        after = standing([*grants, new])
        told = [told_as(new)] if by_hand else [a for _, a in decided(grants, after, now)]
        grants = after
        for action in told:
            if action == WITHDRAWN:
                withdrawn = now
            elif action == GIVEN:
                withdrawn, anew = 0, withdrawn or anew
    scopes = [None] if withdrawn else list(beyond(backup, P)) if anew else []
    again = [GrantRecord(P, False, withdrawn or anew, None, "", scope) for scope in scopes]
    return standing([*backup, *again])


def test_a_restore_opens_nothing_that_was_closed() -> None:
    draw = Random(7)
    for _ in range(3000):
        told = steps(draw)
        at = draw.randint(0, len(told))
        before, since = told[:at], told[at:]
        backup = standing([grant for _, (_, grant) in before])
        held = standing([*backup, *(grant for _, (_, grant) in since)])
        again = restored(backup, since)
        now = told[-1][0] + 1
        edges = {e for g in (*held, *again) for e in (g.since, g.until) if e is not None}
        for moment in {now, *(edge for edge in edges if edge > now)}:
            opened = [use for use in USES if covers(again, use, moment)]
            assert all(covers(held, use, moment) for use in opened), told
