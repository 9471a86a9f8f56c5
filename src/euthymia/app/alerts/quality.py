"""`euthymia quality`: the quality board of an open clinic, for the page and as JSON."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.inputs import JOB, audit_of, inputs_of
from euthymia.app.alerts.policy_file import policy_in_force, read_book, reckoned
from euthymia.app.alerts.replay import Asked, run_policies, window_of
from euthymia.app.alerts.rights import SHELL, require_quality
from euthymia.app.clinic import Clinic, shell_actor
from euthymia.care.alerts.by_person import SMALLEST, Kind, Sums, ratio
from euthymia.care.alerts.cases import Assumed
from euthymia.care.alerts.quality import board
from euthymia.care.alerts.quality_sums import Seen
from euthymia.care.alerts.replay import events_of
from euthymia.ground.audit import Actor, Entry, Purpose
from euthymia.ground.clock import day_date, to_micros
from euthymia.ground.ids import SubjectId
from euthymia.instruments.catalogue import instruments

AGES: Final = (
    (0, "under 18"),
    (18, "18 to 29"),
    (30, "30 to 44"),
    (45, "45 to 64"),
    (65, "65 and over"),
)
NAMED: Final = ("sex", "race", "ethnicity", "language")
ALLIANCE: Final = ("session-rating", "working-alliance")


def quality(
    clinic: Clinic,
    first: date | None = None,
    last: date | None = None,
    *,
    user: str = "",
    role: str = SHELL,
    live: Alerts | None = None,
    second_factor: bool = False,
) -> dict[str, Any]:
    """Return the quality board of the local days [first, last]; by default of the last quarter.

    `live` has the clinic's engine, which has walked through all that is kept already: it is not
    walked through again for a board that ends now.

    Raises
    ------
    AccessError
        The role may not see it.
    """
    require_quality(clinic, role, second_factor=second_factor)
    book = read_book(clinic)
    told = live.standing() if live is not None else None
    now = told[0] if told else reckoned(book, to_micros(clinic.clock()))
    people = clinic.store.subjects(Entry(JOB, "list subjects", Purpose.CARE))
    inputs = told[2] if told else inputs_of(clinic, book, people, now)
    policy = inputs.policies[-1][1] if inputs.kept else policy_in_force(clinic)
    window = window_of(policy, inputs, Asked("", first, last), now)
    start = inputs.start if inputs.kept else window.start
    if told and inputs.kept and window.end == now + 1:
        alerts = told[1]
    else:
        alerts = run_policies(inputs, inputs.policies, start, window.end, Assumed())
    groups = {str(who): _groups_of(clinic, who) for who in people}
    seen = Seen(
        alerts,
        inputs.signals,
        events_of(inputs.signals, policy.outcome),
        policy.outcome,
        window,
        groups,
        policy.label,
        policy.digest,
    )
    found = board(seen)
    found |= {
        "from": _on(clinic, window.start),
        "to": _on(clinic, window.end - 1),
        "recorded": inputs.kept,
        "outcome_window_days": policy.outcome.window_days,
        "smallest_group": SMALLEST,
        "alliance": _alliance(clinic, people, window.start, window.end),
        "simulated": clinic.simulated(people),
    }
    actor = shell_actor() if role == SHELL else Actor(user, role)
    detail: dict[str, str | int | float | bool] = {"people": len(people)}
    entry = Entry(actor, "view quality", Purpose.CARE, None, detail)
    return found | {"ledger_entry": clinic.ledger.append(entry)}


def _on(clinic: Clinic, at: int) -> str:
    from euthymia.care.alerts.clocks import Hours
    from euthymia.care.alerts.policy import shipped

    return day_date(Hours(shipped(), clinic.config.clinic.time_zone).local_day(at)).isoformat()


def _groups_of(clinic: Clinic, who: SubjectId) -> Mapping[str, str]:
    """Return the groups that a person is in, as far as the record says."""
    known = clinic.store.attributes(who, audit_of("read groups", who))
    found = {name: known.get(name, "not known") for name in NAMED}
    born = known.get("birth_year", "")
    if born.isdigit():
        age = clinic.clock().year - int(born)
        found["age"] = next(title for low, title in reversed(AGES) if age >= low)
    else:
        found["age"] = "not known"
    return found


def _alliance(
    clinic: Clinic, people: tuple[SubjectId, ...], start: int, end: int
) -> dict[str, Any]:
    """Return the mean ratings of sessions and of the working alliance, by person."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from euthymia.store.consent import unlabelled

    known = instruments()
    codes = {known[n].total_code: n for n in ALLIANCE if n in known}
    sums: dict[str, dict[SubjectId, list[float]]] = {name: {} for name in codes.values()}
    for who in people if codes else ():
        rows = unlabelled(clinic.store.observations(who, audit_of("read ratings", who)))
        rows = rows.filter(pc.is_in(rows["code"], value_set=pa.array(list(codes))))
        times = rows["time"].cast(pa.int64()).to_pylist()
        for at, code, value in zip(
            times, rows["code"].to_pylist(), rows["numeric_value"].to_pylist(), strict=True
        ):
            if at is not None and value is not None and start <= at < end:
                sums[codes[code]].setdefault(who, []).append(float(value))
    return {
        name: {
            "people": len(own) if len(own) >= SMALLEST else None,
            "mean": _mean(own),
            "of": [known[name].low, known[name].high],
        }
        for name, own in sums.items()
    }


def _mean(ratings: Mapping[SubjectId, Sequence[float]]) -> dict[str, Any] | None:
    """Return the mean over people of each one's mean, with its interval; None of few people."""
    import numpy as np

    means = np.array([sum(values) / len(values) for values in ratings.values()])
    columns = {"means": means, "people": np.ones(means.size)}
    return ratio(Sums(tuple(map(str, ratings)), columns, {}), "means", "people", Kind.MEAN)
