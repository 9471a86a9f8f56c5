"""What is told of the clinic itself beside its alerts: altered data, a clock, people who left."""

from collections.abc import Iterable

from euthymia.app.alerts.policy_file import Book
from euthymia.app.alerts.rights import cannot_take
from euthymia.app.clinic import Clinic
from euthymia.care.alerts.clocks import HOUR_US
from euthymia.care.alerts.contract import CLINIC, Alert, Rule, Tier
from euthymia.care.alerts.lifecycle import State
from euthymia.care.alerts.policy import Policy
from euthymia.care.words import count_words
from euthymia.ground.clock import DAY_US, Micros, to_micros


def clock_notice(clinic: Clinic, now: Micros) -> tuple[Alert, ...]:
    """Say that the machine's clock was put back, and what that means for what falls due."""
    behind = (now - to_micros(clinic.clock())) // HOUR_US
    if behind < 1:
        return ()
    words = (
        f"This machine's clock stands {count_words(int(behind), 'hour')} before the last thing "
        "on record: until it has caught up, times told here are ahead of it, and what falls "
        "due comes a tenth later. Set the clock right, if it is not"
    )
    return (_notice("clock", now, words),)


def altered_notice(book: Book) -> tuple[Alert, ...]:
    """Say that what is stored is not what was written last."""
    if book.altered is None:
        return ()
    words = (
        "The stored data are not those that were written last: from outside, rows were put back, "
        "added, changed or taken away. Do not rely on what is shown here until whoever runs this "
        "machine has restored it"
    )
    return (_notice("altered", book.altered, words),)


def gone_notices(
    clinic: Clinic, alerts: Iterable[Alert], policy: Policy, now: Micros
) -> tuple[Alert, ...]:
    """Say what is with, or would go on to, somebody whose account cannot take it."""
    theirs: dict[str, int] = {}
    for alert in alerts:
        if alert.shown and alert.owner and alert.subject != CLINIC:
            theirs[alert.owner] = theirs.get(alert.owner, 0) + 1
    found = [
        f"{count_words(count, 'alert is', 'alerts are')} with {user}, whose account is disabled or "
        "may not act on alerts: take them over or hand them on"
        for user, count in sorted(theirs.items())
        if cannot_take(clinic, user)
    ]
    found += [
        f"The alert policy names {user}, whose account is disabled or may not act on alerts: name "
        "somebody else in it"
        for user in sorted(policy.people)
        if cannot_take(clinic, user)
    ]
    return tuple(_notice("gone", now, words) for words in found)


def _notice(name: str, now: Micros, words: str) -> Alert:
    return Alert(
        name, CLINIC, Rule.PIPELINE.value, Tier.NOW, State.OPEN, (Rule.PIPELINE,),
        int(now // DAY_US), now, now, words=(words,),
    )  # fmt: skip
