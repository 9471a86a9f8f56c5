"""The alert policy: one versioned YAML file that says who is told of what, when, and how often.

YAML 1.2 (`no` is a word there, not a boolean), read safely: no tags, no anchors, no key twice. The
schema is below, as types; what does not fit is refused with the place and the fix. Policies are
compared by the digest of what they say, not of how the file is laid out.
"""

import hashlib
import re
from datetime import time
from functools import cache
from importlib.resources import files
from io import StringIO
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from euthymia.care.alerts.contract import Rule, Tier
from euthymia.ground.errors import SchemaError

FORMAT: Final = 1
MAX_CHARS: Final = 64 * 1024
WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,40}")
_PERSONAL: Final = tuple(rule for rule in Rule if rule is not Rule.PIPELINE)


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the file: an unknown key is an error."""


class RuleLines(_Part, frozen=True):
    """When one rule opens and closes, and how it reaches people.

    `open_at`, `close_at`: for drift, frozen, pattern and estimate multiples of the line that was
    set for the budget; for unseen days; for answer points of the item; for score points of rise.
    `open_days`: days in a row over `open_at` before anything is shown (dwell). `close_days`: days
    in a row under `close_at` before the condition is over (hysteresis).
    """

    tier: Tier
    open_at: float
    close_at: float = 0.0
    open_days: int = 1
    close_days: int = 1


class Group(_Part, frozen=True):
    """Rules that are one episode of one person.

    `join_days`: a condition that is met again this soon after the alert was over is the same
    alert. `quiet_days`: after it was resolved it does not come back before, unless its level is
    `worse_by` times what it was then.
    """

    rules: tuple[Rule, ...]
    join_days: int = 28
    quiet_days: int = 14
    worse_by: float = 1.5


class Inhibition(_Part, frozen=True):
    """While `when` holds, these rules are not shown. `when`: unseen, excused or admitted.

    `days`: of unseen, how many in a row. `hides_open`: also what stands open already.
    """

    when: str
    mutes: tuple[Rule, ...]
    days: int = 1
    hides_open: bool = False


class Cap(_Part, frozen=True):
    """At most `alerts` in `days` days."""

    alerts: int
    days: int = 1


class Budgets(_Part, frozen=True):
    """Caps on what is shown; answers are never capped. Past a cap the most urgent come first."""

    per_clinician: Cap
    per_patient: Cap


class Escalation(_Part, frozen=True):
    """Who is told next where nothing happened: `to` is shift, lead, owner or a user's name.

    `after_min` runs while somebody is on shift, or always where `always` is set.
    """

    after_min: int
    to: str
    always: bool = False


class Shift(_Part, frozen=True):
    """Who is there when: days of the week, from and to (to before from: over midnight)."""

    name: str
    days: tuple[str, ...]
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")
    people: tuple[str, ...] = ()


class TierLines(_Part, frozen=True):
    """How a tier behaves: escalation while nobody takes it, and how soon taken must be resolved."""

    escalate: tuple[Escalation, ...] = ()
    act_within_min: int = 0
    overdue_to: str = "lead"


class Outcome(_Part, frozen=True):
    """What a policy is judged by: a worsening on record within `window_days` after an alert."""

    window_days: int = 28
    phq9_from: float = 10.0
    phq9_rise: float = 5.0


class Policy(_Part, frozen=True):
    """The whole file; see `docs/alerts.md` for each key."""

    format: int
    name: str
    version: str
    rules: dict[Rule, RuleLines]
    groups: dict[str, Group]
    budgets: Budgets
    tiers: dict[Tier, TierLines]
    inhibit: tuple[Inhibition, ...] = ()
    shifts: tuple[Shift, ...] = ()
    lead: str = ""
    time_zone: str = ""
    round_at: str = "07:00"
    digest_on: str = "mon"
    pipeline_hours: int = 36
    max_snooze_days: int = 14
    max_silence_days: int = 60
    audit_share: float = 0.1
    outcome: Outcome = Outcome()

    @property
    def digest(self) -> str:
        """SHA-256 of what the policy says."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()

    @property
    def label(self) -> str:
        """Its name and version."""
        return f"{self.name} {self.version}"

    @property
    def people(self) -> frozenset[str]:
        """The people whom it names: they are told when it is their turn."""
        found = {self.lead, *(user for shift in self.shifts for user in shift.people)}
        for lines in self.tiers.values():
            found |= {lines.overdue_to, *(step.to for step in lines.escalate)}
        return frozenset(found - {"", "shift", "lead", "owner"}) | ({self.lead} - {""})

    @property
    def daily(self) -> tuple[Rule, ...]:
        """One rule of each group that the scores of a day may touch."""
        first: dict[str, Rule] = {}
        for rule in (Rule.DRIFT, Rule.FROZEN, Rule.PATTERN, Rule.ESTIMATE, Rule.UNSEEN):
            first.setdefault(self.group_of(rule), rule)
        return tuple(first.values())

    def group_of(self, rule: Rule) -> str:
        """Return the name of the group that a rule is in; a rule in none is its own group."""
        return next((n for n, g in self.groups.items() if rule in g.rules), rule.value)

    def group(self, name: str) -> Group:
        """Return a group by name."""
        found = self.groups.get(name)
        return found if found is not None else Group((Rule(name),))


def parse(text: str, file: str = "the alert policy") -> Policy:
    """Read a policy.

    Raises
    ------
    SchemaError
        It is not YAML 1.2, has an unknown key or a wrong type, or contradicts itself; says where.
    """
    found = _typed(_plain(text, file), file)
    problems = problems_of(found)
    if problems:
        raise SchemaError(f"{file}: {'; '.join(problems)}")
    return found


def _plain(text: str, file: str) -> Any:  # noqa: ANN401 - whatever the file holds
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError
    from ruamel.yaml.events import AliasEvent

    if len(text) > MAX_CHARS:
        raise SchemaError(f"{file} has more than {MAX_CHARS} characters")
    reader = YAML(typ="safe", pure=True)
    try:
        for event in reader.parse(StringIO(text)):
            if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
                raise SchemaError(f"{file}: anchors and aliases are not used here")
            if getattr(event, "tag", None):
                raise SchemaError(f"{file}: tags are not used here")
        return YAML(typ="safe", pure=True).load(StringIO(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise SchemaError(f"{file}: {where}{error.problem or 'not YAML'}") from None
    except (YAMLError, ValueError, RecursionError):
        raise SchemaError(f"{file} is not YAML 1.2") from None


def _typed(plain: Any, file: str) -> Policy:  # noqa: ANN401 - whatever the file holds
    if not isinstance(plain, dict):
        raise SchemaError(f"{file}: a policy is a mapping with the keys format, name, version ...")
    try:
        return msgspec.convert(plain, Policy)
    except msgspec.ValidationError as error:
        raise SchemaError(f"{file}: {error}") from None


def problems_of(policy: Policy) -> list[str]:
    """Return what contradicts itself in a policy, in words ([]: nothing)."""
    return [*_of_rules(policy), *_of_groups(policy), *_of_people(policy), *_of_numbers(policy)]


def _of_rules(policy: Policy) -> list[str]:
    found = [f"rules: {rule} is missing" for rule in _PERSONAL if rule not in policy.rules]
    for rule, lines in policy.rules.items():
        if not 0 <= lines.close_at <= lines.open_at or lines.open_at <= 0:
            found.append(f"rules: {rule}: close_at must be from 0 to open_at, open_at above 0")
        if not (1 <= lines.open_days <= 60 and 1 <= lines.close_days <= 60):
            found.append(f"rules: {rule}: open_days and close_days are from 1 to 60")
    answer = policy.rules.get(Rule.ANSWER)
    if answer is not None and (answer.tier is not Tier.NOW or answer.open_at > 1):
        found.append("rules: answer: an answer about self-harm is always tier now, open_at 1")
    if any(Rule.ANSWER in i.mutes for i in policy.inhibit):
        found.append("inhibit: an answer about self-harm is never muted")
    if any(Rule.PIPELINE in i.mutes for i in policy.inhibit):
        found.append("inhibit: the watch over the pipeline itself is never muted")
    found += [
        f"inhibit: when is unseen, excused or admitted, not {i.when!r}"
        for i in policy.inhibit
        if i.when not in {"unseen", "excused", "admitted"}
    ]
    return found


def _of_groups(policy: Policy) -> list[str]:
    found, seen = [], set()
    for name, group in policy.groups.items():
        if not _NAME.fullmatch(name) or name in {r.value for r in Rule}:
            found.append(f"groups: {name!r} is not a name (a-z, 0-9, -; none of the rules' names)")
        for rule in group.rules:
            if rule in seen or rule in {Rule.ANSWER, Rule.PIPELINE}:
                found.append(f"groups: {rule} may stand in one group at most; answer in none")
            seen.add(rule)
        if group.worse_by < 1 or min(group.join_days, group.quiet_days) < 0:
            found.append(f"groups: {name}: worse_by is 1 or more, days are not negative")
    return found


def _of_people(policy: Policy) -> list[str]:
    found = []
    for shift in policy.shifts:
        if not shift.people:
            found.append(f"shifts: {shift.name}: name at least one of its people")
        if not shift.days or any(day not in WEEK for day in shift.days):
            found.append(f"shifts: {shift.name}: days are of {', '.join(WEEK)}")
        if not all(_CLOCK.fullmatch(at) for at in (shift.start, shift.end)):
            found.append(f'shifts: {shift.name}: from and to are times like "08:30"')
        elif shift.start == shift.end:
            found.append(f"shifts: {shift.name}: from and to are the same")
    for tier, lines in policy.tiers.items():
        targets = [step.to for step in lines.escalate]
        if lines.act_within_min:
            targets.append(lines.overdue_to)
        if "lead" in targets and not policy.lead:
            found.append(f"tiers: {tier}: escalates to the lead; name one under lead")
        if "shift" in targets and not policy.shifts:
            found.append(f"tiers: {tier}: escalates to the shift; name one under shifts")
        if any(step.after_min < 1 for step in lines.escalate) or lines.act_within_min < 0:
            found.append(f"tiers: {tier}: times are 1 minute or more")
        if not policy.shifts and any(not step.always for step in lines.escalate):
            found.append(f"tiers: {tier}: no shifts are named: set always: true on its steps")
    return found


def _of_numbers(policy: Policy) -> list[str]:
    found = []
    if policy.format != FORMAT:
        found.append(f"format: this version reads format {FORMAT}")
    if not policy.name or not policy.version:
        found.append("name and version say which policy this is")
    if not _CLOCK.fullmatch(policy.round_at):
        found.append('round_at is a time like "07:00"')
    if policy.digest_on not in WEEK:
        found.append(f"digest_on is one of {', '.join(WEEK)}")
    if policy.time_zone:
        try:
            ZoneInfo(policy.time_zone)
        except (KeyError, ValueError, OSError):
            found.append("time_zone is an IANA name such as Europe/Stockholm")
    caps = (policy.budgets.per_clinician, policy.budgets.per_patient)
    if any(cap.alerts < 1 or not 1 <= cap.days <= 366 for cap in caps):
        found.append("budgets: alerts are 1 or more, days 1 to 366")
    if not 1 <= policy.pipeline_hours <= 24 * 14:
        found.append("pipeline_hours is 1 to 336: without it nobody learns that nothing is scored")
    if not 0 < policy.audit_share <= 1:
        found.append("audit_share is above 0, up to 1: some of what is held back must be looked at")
    if not (1 <= policy.max_snooze_days <= 90 and 1 <= policy.max_silence_days <= 366):
        found.append("max_snooze_days is 1 to 90, max_silence_days 1 to 366: nothing is for ever")
    if not 1 <= policy.outcome.window_days <= 180:
        found.append("outcome: window_days is 1 to 180")
    return found


def minutes_of(clock: str) -> int:
    """Return a time such as "08:30" as minutes since midnight."""
    at = time.fromisoformat(clock)
    return at.hour * 60 + at.minute


@cache
def shipped_text() -> str:
    """Return the shipped policy's text."""
    return (files("euthymia.care.alerts") / "shipped.yaml").read_text(encoding="utf-8")


@cache
def shipped() -> Policy:
    """Return the policy of a clinic that has none of its own."""
    return parse(shipped_text(), "shipped.yaml")
