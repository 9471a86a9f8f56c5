"""Whether a person's data may be read for a purpose now: the one place that decides, in any engine.

A withdrawal stops use at once: the decision is taken anew at every read.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from euthymia.gateway.checks import category_of
from euthymia.gateway.contract import GrantRecord
from euthymia.ground.audit import Entry, Purpose
from euthymia.ground.clock import Micros
from euthymia.ground.errors import ConsentError
from euthymia.ground.ids import SubjectId
from euthymia.ground.schemas import STREAMS
from euthymia.ground.scope import Category, Label, labels_of
from euthymia.security.consent import Use, consent_covers, covers, speaks_of
from euthymia.store.contract import EXPORT

GIVEN: Final = "grant consent"
GIVEN_IN_PART: Final = "grant part of a consent"
WITHDRAWN: Final = "withdraw consent"
"""The actions under which the ledger is told of decisions: by them a restore withdraws again. What
was given in part (some data, a recipient, until a day) takes back no withdrawal of the whole."""


class Kind(Enum):
    """What is read."""

    RECORDS = "clinical records"
    PASSIVE = "samples and features"


def _own(audit: Entry) -> bool:
    """Tell whether people are given their own data: nobody's consent is asked for that."""
    return audit.action == EXPORT and audit.purpose is Purpose.CARE


def needed(audit: Entry, kind: Kind) -> tuple[Purpose, ...]:
    """Return the purposes that must all be consented to; none if no consent is asked for.

    Passive data is here because of the consent to monitoring: whatever it is read for, it may be
    read as long as that consent is in force.
    """
    if _own(audit):
        return ()
    asked = () if audit.purpose is Purpose.CARE else (audit.purpose,)
    if kind is Kind.PASSIVE and Purpose.MONITORING not in asked:
        return (*asked, Purpose.MONITORING)
    return asked


def require(grants: Iterable[GrantRecord], audit: Entry, kind: Kind, now: Micros) -> None:
    """Refuse with a ConsentError unless all that is `needed` is consented to now."""
    known = tuple(grants)
    for purpose in needed(audit, kind):
        if not consent_covers(known, purpose, now):
            raise _none_in_force(purpose, kind.value)


def _none_in_force(purpose: Purpose, what: str) -> ConsentError:
    return ConsentError(
        f"no consent in force for {purpose}: reading {what} needs one "
        f"(euthymia consent SUBJECT --grant {purpose})"
    )


def require_stream(grants: Sequence[GrantRecord], audit: Entry, stream: str, now: Micros) -> None:
    """Refuse with a ConsentError unless all that is `needed` covers this stream now."""
    for purpose in needed(audit, Kind.PASSIVE):
        if not covers(grants, _of_stream(purpose, stream), now):
            raise _none_in_force(purpose, f"the stream {stream}")


def _of_stream(purpose: Purpose, stream: str) -> Use:
    return Use(purpose, stream=stream, category=STREAMS[stream].category)


def streams_for(grants: Sequence[GrantRecord], purpose: Purpose, now: Micros) -> frozenset[str]:
    """Return the streams that the consent to a purpose covers now."""
    if all(not grant.scope for grant in grants):  # all or none, as nearly everybody has it
        return frozenset(STREAMS) if consent_covers(grants, purpose, now) else _NONE
    return frozenset(name for name in STREAMS if covers(grants, _of_stream(purpose, name), now))


def require_derived(grants: Sequence[GrantRecord], audit: Entry, now: Micros) -> None:
    """Refuse derived rows unless all that they may rest on is covered for the entry's purpose.

    A feature may hold something of every stream that is monitored.
    """
    rests_on = _may_hold(grants, Purpose.MONITORING, now)
    for purpose in needed(audit, Kind.PASSIVE):
        if not rests_on <= _may_hold(grants, purpose, now):
            raise _none_in_force(purpose, "features of all monitored streams and answers")


_NONE: frozenset[str] = frozenset()
_FACTS: tuple[Category, ...] = (Category.RECORDS, Category.ANSWERS)


def _may_hold(grants: Sequence[GrantRecord], purpose: Purpose, now: Micros) -> frozenset[str]:
    """Return the streams, and the kinds of observations, that features for a purpose may rest on.

    Families look at answers and scores on record too; never at notes.
    """
    facts = (c for c in _FACTS if covers(grants, Use(purpose, category=c), now))
    return streams_for(grants, purpose, now) | {f"{category} on record" for category in facts}


def next_edge(grants: Iterable[GrantRecord], now: Micros) -> Micros | None:
    """Return the next instant at which a consent decision comes into force or runs out."""
    edges = [edge for g in grants for edge in (g.since, g.until) if edge is not None and edge > now]
    return min(edges, default=None)


def drops_features(
    before: Sequence[GrantRecord], after: Sequence[GrantRecord], now: Micros
) -> bool:
    """Tell whether derived rows have lost a consent that they rested on.

    They may hold something of any stream that was covered; what the streams left allow is computed
    anew.
    """
    left = _may_hold(after, Purpose.MONITORING, now)
    return not left or not _may_hold(before, Purpose.MONITORING, now) <= left


def told_as(grant: GrantRecord) -> str:
    """Return the action under which the ledger is told of a decision."""
    if not grant.permit:
        return WITHDRAWN
    return GIVEN_IN_PART if grant.scope or grant.until is not None else GIVEN


def decided(
    before: Sequence[GrantRecord], after: Sequence[GrantRecord], now: Micros
) -> Iterator[tuple[Purpose, str]]:
    """Yield each purpose of which anything was taken back or given anew, and the action's name.

    What is taken back for a time to come, an end that a consent was given, is taken back; so is
    what was never given, by a refusal.
    """
    for purpose in Purpose:
        old, new = ([g for g in grants if g.purpose is purpose] for grants in (before, after))
        if old == new:  # as in every file that tells the same again
            continue
        had, has = (_opened(own, (*old, *new), purpose, now) for own in (old, new))
        refused = not has and any(not grant.permit and grant not in old for grant in new)
        if refused or not had <= has:
            yield purpose, WITHDRAWN
        elif old and has - had:
            yield purpose, GIVEN if _lasting(new, purpose, now) else GIVEN_IN_PART


def _general(purpose: Purpose) -> list[Use]:
    """Return all that a consent without limits opens."""
    streams = [_of_stream(purpose, stream) for stream in STREAMS]
    return streams + [Use(purpose, category=category) for category in Category]


def _lasting(grants: Sequence[GrantRecord], purpose: Purpose, now: Micros) -> bool:
    """Tell whether decisions open, from now on and without an end, what one without limits does."""
    edges = _edges(grants, now)
    return all(covers(grants, use, at) for use in _general(purpose) for at in edges)


def _edges(grants: Iterable[GrantRecord], now: Micros) -> set[Micros]:
    """Return now, and each later instant at which a decision begins or ends."""
    found = {edge for g in grants for edge in (g.since, g.until) if edge is not None}
    return {now, *(edge for edge in found if edge > now)}


def _opened(
    grants: Iterable[GrantRecord], known: Sequence[GrantRecord], purpose: Purpose, now: Micros
) -> set[tuple[Use, Micros]]:
    """Return the uses that decisions cover, at now and at each later instant that could change it.

    `known`: the decisions by which uses and instants are told apart.
    """
    found: set[tuple[Use, Micros]] = set()
    for use in _told_apart(known, purpose):
        edges = _edges((g for g in known if speaks_of(g, use)), now)
        own = [grant for grant in grants if speaks_of(grant, use)]
        found |= {(use, at) for at in edges if covers(own, use, at)}
    return found


def _told_apart(grants: Iterable[GrantRecord], purpose: Purpose) -> list[Use]:
    """Return uses of a purpose: one for all those that no decision tells apart."""
    scopes = [grant.scope for grant in grants if grant.scope]
    streams = {name for scope in scopes for name in scope.streams}
    categories = {name for scope in scopes for name in scope.categories}
    labels = {label for scope in scopes for label in scope.labels}
    recipients = sorted({name for scope in scopes for name in scope.recipients})
    uses = _general(purpose)
    uses += [Use(purpose, category=c, label=label) for c in Category for label in Label]
    apart: dict[tuple[object, ...], Use] = {}
    for use in uses:
        label = (use.label, True) if use.label in labels else (None, use.label is not None)
        data = ({use.stream} & streams, {use.category} & categories)
        apart.setdefault((*map(frozenset, data), *label), use)
    whose = (None, *recipients)
    return [replace(use, recipient=name) for use in apart.values() for name in whose]


def told_of_file(
    audit: Entry,
    subject: SubjectId,
    before: Sequence[GrantRecord],
    after: Sequence[GrantRecord],
    now: Micros,
) -> list[Entry]:
    """Return what the ledger is told of the consents that a file changed, as of one by hand."""
    return [
        Entry(audit.actor, action, purpose, subject)
        for purpose, action in decided(before, after, now)
    ]


def readable(table: pa.Table, grants: Sequence[GrantRecord], audit: Entry, now: Micros) -> pa.Table:
    """Return the observations that may be read now for the entry's purpose.

    * What came in for a purpose other than care is read under a consent to that purpose.
    * What is read for a purpose other than care needs a consent that covers its category.
    * What has protected labels needs, for care too, a consent that names each of them.
    """
    if _own(audit) or not table.num_rows:
        return table
    keep = np.ones(table.num_rows, np.bool_)
    categories = category_of(table)
    for came, category in _pairs(table.column("purpose"), categories):
        uses = {Purpose(came), audit.purpose} - {Purpose.CARE}
        if not all(covers(grants, Use(use, category=category), now) for use in uses):
            keep &= ~(_is(table.column("purpose"), came) & _is(categories, category))
    keep &= _unprotected(table, categories, grants, audit.purpose, now)
    return table if keep.all() else table.filter(pa.array(keep))


def unlabelled(table: pa.Table) -> pa.Table:
    """Return the observations without a protected label: what models and summaries may rest on."""
    cells = table.column("sensitivity")
    return table if cells.null_count == len(cells) else table.filter(cells.is_null())


def _unprotected(
    table: pa.Table,
    categories: pa.ChunkedArray,
    grants: Sequence[GrantRecord],
    purpose: Purpose,
    now: Micros,
) -> NDArray[np.bool_]:
    keep = np.ones(table.num_rows, np.bool_)
    cells = table.column("sensitivity")
    if cells.null_count == len(cells):
        return keep
    for cell, category in _pairs(cells, categories):
        uses = [Use(purpose, category=category, label=label) for label in labels_of(cell)]
        if not all(covers(grants, use, now) for use in uses):
            keep &= ~(_is(cells, cell) & _is(categories, category))
    return keep


def _pairs(*columns: pa.ChunkedArray) -> Iterable[tuple[Any, ...]]:
    """Return the different rows of columns of texts (each read of a person asks for them)."""
    coded = [column.combine_chunks().dictionary_encode("encode") for column in columns]
    row = np.zeros(len(columns[0]), np.int64)
    for part in coded:
        row = row * len(part.dictionary) + part.indices.to_numpy()
    first = np.unique(row, return_index=True)[1].tolist()
    return [tuple(part[place].as_py() for part in coded) for place in first]


def _is(column: pa.ChunkedArray, value: str | None) -> NDArray[np.bool_]:
    if value is None:
        return np.asarray(column.is_null())
    return np.asarray(pc.equal(column, value).fill_null(False))
