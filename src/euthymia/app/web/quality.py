"""The quality board: what alerts cost, what they caught and missed, and for whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from euthymia.app.alerts.desk import Alerts
from euthymia.app.alerts.quality import quality
from euthymia.app.clinic import Clinic
from euthymia.app.web.contract import Visitor
from euthymia.app.web.record import Record
from euthymia.care.alerts.lifecycle import HELD
from euthymia.care.alerts.quality import OF_GROUPS
from euthymia.care.alerts.quality_sums import FELT
from euthymia.ground.errors import SchemaError

SECTIONS: Final = (
    (
        "Burden",
        (
            "people",
            "patient_days",
            "alerts",
            "alerts_per_100_patient_days",
            "by_tier",
            "escalations",
            "held_back",
            "alerts_per_episode",
        ),
    ),
    (
        "Benefit",
        (
            "ppv",
            "number_needed_to_evaluate",
            "worsenings",
            "caught",
            "caught_by_chance",
            "median_lead_days",
            "silent_misses",
        ),
    ),
    ("Times, in hours", ("times_h",)),
    ("Overrides", ("overrides",)),
    ("Habituation, by clinician", ("habituation",)),
    ("Contact, and what changed after it", ("contact",)),
    ("The alliance", ("alliance",)),
)
NAMES: Final = {
    "now": "today",
    "worklist": "this week",
    "digest": "weekly summary",
    "view": "seen",
    "acknowledge": "acknowledged",
    "act": "acted on",
    "median": "median hours, of those that were",
    "p90": "90th percentile of hours, of those that were",
    "view_share": "seen, share",
    "acknowledge_share": "acknowledged, share",
    "act_share": "acted on, share",
    "share": "overridden, share",
    "with_contact": "with a contact",
    "resolved_without_contact": "resolved without a contact",
    "with_measured_change": "with a score before and after",
    "mean_change": "mean change of the score",
    "felt": "how they feel since",
    "same": "the same",
    "better": "better",
    "not asked": "not asked",
    "now_per_100_patient_days": "today, per 100 patient days",
    "worklist_per_100_patient_days": "this week, per 100 patient days",
    "digest_per_100_patient_days": "weekly summary, per 100 patient days",
    "taken_within_a_day": "taken within a day, share",
    "resolved_with_contact": "resolved with a contact, share",
    "session-rating": "session rating",
    "working-alliance": "working alliance",
    "of": "scale",
    "not_asked_how_they_feel": "not asked how they feel",
    "change_of_contact": "with a contact, second half less first",
    "worse": "worse",
    "felt_better": "feel better since, share of those asked",
    "caught": "caught, share",
    "overridden_share": "overridden, share",
    "hours_to_view_median": "median hours until seen, of those that were",
    "hours_to_view_p90": "90th percentile of hours until seen, of those that were",
    "hours_to_acknowledge_median": "median hours until acknowledged, of those that were",
    "hours_to_acknowledge_p90": "90th percentile of hours until acknowledged, of those that were",
    "hours_to_act_median": "median hours until acted on, of those that were",
    "hours_to_act_p90": "90th percentile of hours until acted on, of those that were",
    "ppv": "alerts followed by a worsening (PPV)",
    "number_needed_to_evaluate": "alerts to look at for one worsening",
    "caught_by_chance": "caught by chance at the same burden",
    "silent_misses": "worsenings without any alert",
}
LANGUAGES: Final = {
    "ar": "Arabic",
    "de": "German",
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "hi": "Hindi",
    "it": "Italian",
    "ko": "Korean",
    "pt": "Portuguese",
    "ru": "Russian",
    "so": "Somali",
    "tl": "Tagalog",
    "vi": "Vietnamese",
    "zh": "Chinese",
}
"""Languages that people speak, by their code; another code stands as it is."""
HALVES: Final = ("first half", "second half")
YEARS: Final = range(1970, 2200)
_INTERVAL: Final = frozenset({"estimate", "low", "high", "of"})
_UNTOLD: Final = {"", "suppressed"}
SHARES: Final = frozenset(
    {"ppv", "caught", "caught_by_chance", "silent_misses", "share", "with_contact", *FELT}
    | {"taken_within_a_day", "overridden_share", "resolved_with_contact", "felt_better"}
    | {"view_share", "acknowledge_share", "act_share"}
    | {"change_of_contact"}
)
"""Figures that are parts of a whole: they are told in per cent."""
Rows = list[tuple[str, str]]


def name_of(key: str) -> str:
    """Return a figure's name in words."""
    return NAMES.get(key) or HELD.get(key) or key.replace("_", " ")


def group_of(kind: str, code: str) -> str:
    """Return a group's name: a language's instead of its code, with a country it names."""
    base, _, rest = code.partition("-")
    if kind != "language" or base not in LANGUAGES:
        return code
    return f"{LANGUAGES[base]} ({rest})" if rest else LANGUAGES[base]


def told(value: object, *, percent: bool = False) -> str:
    """Return one figure as text; empty where it is not known."""
    if value is None:
        return ""
    if percent and isinstance(value, float):
        return f"{100 * value:.3g}%"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def interval(value: Mapping[str, Any], *, percent: bool = False) -> str:
    """Return an estimate with its 95% interval and what it is counted of, in one line."""
    if value["estimate"] is None:
        return ""
    numbers = (value[name] for name in ("estimate", "low", "high"))
    text, low, high = (told(number, percent=percent) for number in numbers)
    if low and high:
        text += f" ({low} to {high})"
    elif low or high:
        text += f" (from {low})" if low else f" (up to {high})"
    return f"{text} of {value['of']:,}" if value["of"] else text


def rows_of(value: object, name: str = "", key: str = "") -> Rows:
    """Return a figure and all within it, one a row; what is suppressed is said to be so."""
    if isinstance(value, Mapping):
        if value.get("suppressed"):
            return [(name or "people", "suppressed")]
        if value.get("because") or not value:  # one line says it
            return [(name, f"not told: {value['because']}" if value else "")]
        if set(value) == _INTERVAL:
            return [(name, interval(value, percent=key in SHARES))]
        return [row for k, one in value.items() for row in _inner(str(k), one, value, name)]
    if isinstance(value, list | tuple):
        return _listed(value, name)
    return [(name, told(value))]


def _inner(key: str, one: object, beside: Mapping[str, Any], name: str) -> Rows:
    """Return one figure among others; how many were done stands with how many there were."""
    if key == "halves":
        return rows_of(one, name)
    if "done" in beside:
        if key == "done":
            return [(name, f"{told(one)} of {told(beside['of'])}")]
        if key == "of":
            return []
    return rows_of(one, f"{name}: {name_of(key)}" if name else name_of(key), key)


def _listed(value: Sequence[object], name: str) -> Rows:
    """Return a range as one row, and what is told of both halves of the time by half."""
    if len(value) == 2 and all(isinstance(one, int | float) for one in value):
        return [(name, f"{told(value[0])} to {told(value[1])}")]
    labels = HALVES if len(value) == 2 else [f"({place})" for place in range(1, len(value) + 1)]
    named = zip(labels, value, strict=True)
    rows = [
        row for label, one in named for row in rows_of(one, f"{name}: {label}" if name else label)
    ]
    return rows or [(name, "")]


def sections(found: Mapping[str, Any]) -> list[tuple[str, Rows]]:
    """Return the board by section; a figure that no section names stands in the last."""
    done = {key for _, keys in SECTIONS for key in keys}
    shown = []
    for title, keys in SECTIONS:
        rows = [row for key in keys if key in found for row in _of_section(found, key, title, keys)]
        shown.append((title, rows))
    rest = [key for key in found if key not in done and key not in _HEAD]
    if rest:
        shown.append(("More", [row for key in rest for row in rows_of(found[key], name_of(key))]))
    return shown


def _of_section(found: Mapping[str, Any], key: str, title: str, keys: Sequence[str]) -> Rows:
    """Return one figure's rows; one that has a section to itself is named by its title."""
    alone = len(keys) == 1 and isinstance(found[key], Mapping)
    if alone and not found[key]:
        return [(title, "")]
    return rows_of(found[key], "" if alone else name_of(key), key)


_HEAD: Final = frozenset(
    {"policy", "digest", "from", "to", "recorded", "outcome_window_days", "smallest_group"}
    | {"simulated", "ledger_entry", "groups"}
)


def _day(text: str) -> date | None:
    """Return a date as browsers send it; SchemaError where it is none of this time."""
    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        raise SchemaError("a date is written as 2026-03-31") from None
    if found is not None and found.year not in YEARS:
        raise SchemaError(f"a year lies between {YEARS[0]} and {YEARS[-1]}")
    return found


@dataclass(frozen=True, slots=True)
class Groups:
    """One table: figures down, the groups of an attribute across; empty where it is not told.

    `untold`: figures that are told of no group. `small`: there are people in groups too small.
    """

    attribute: str
    titles: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    untold: tuple[str, ...]
    small: bool


def groups_of(attribute: str, parts: Mapping[str, Mapping[str, Any]]) -> Groups:
    """Return the table of an attribute."""
    own = {title: one for title, one in parts.items() if not one.get("suppressed")}
    rows = tuple(
        (name_of(key), tuple(_cell(one.get(key), key) for one in own.values()))
        for key in ("people", *OF_GROUPS)
        if own
    )
    titles = tuple(group_of(attribute, title) for title in own)
    untold = tuple(name for name, cells in rows if not set(cells) - _UNTOLD)
    kept = tuple(row for row in rows if row[0] not in untold)
    return Groups(attribute, titles, kept, untold, len(own) < len(parts))


def untold_of_all(groups: Sequence[Groups]) -> tuple[tuple[str, ...], list[Groups]]:
    """Return the figures that no table tells, to be named once, and the tables without them."""
    lists = [group.untold for group in groups if group.titles]
    if len(lists) < 2:
        return (), list(groups)
    told_nowhere = tuple(name for name in lists[0] if all(name in one for one in lists))
    kept = [
        replace(group, untold=tuple(name for name in group.untold if name not in told_nowhere))
        for group in groups
    ]
    return told_nowhere, kept


def _cell(value: object, key: str) -> str:
    if isinstance(value, Mapping):
        return "suppressed" if value.get("suppressed") else interval(value, percent=key in SHARES)
    return told(value)


class QualityPage:
    """The handler."""

    def __init__(self, record: Record, clinic: Clinic, alerts: Alerts) -> None:
        self.record, self.site, self.clinic, self.alerts = record, record.site, clinic, alerts

    def routes(self) -> list[Route]:
        """Return the address."""
        return [Route("/quality", self.show, methods=["GET"])]

    async def show(self, request: Request) -> Response:
        """Show the board of a quarter, or of the days asked for."""
        visitor = await self.site.visitor(request)
        if visitor is None:
            return self.site.to_sign_in(request)
        asked = [request.query_params.get(name, "") for name in ("from", "to")]
        return await run_in_threadpool(self._show, visitor, asked)

    def _board(self, visitor: Visitor, first: date | None, last: date | None) -> dict[str, Any]:
        return quality(
            self.clinic,
            first,
            last,
            user=visitor.user,
            role=visitor.role,
            live=self.alerts,
            second_factor=visitor.second_factor,
        )

    def _show(self, visitor: Visitor, asked: list[str]) -> Response:
        refused = ""
        try:
            first, last = (_day(text) for text in asked)
            if first and last:
                first, last = sorted((first, last))
            found = self._board(visitor, first, last)
        except SchemaError as error:
            refused = f"{error}; shown is the last quarter"
            found = self._board(visitor, None, None)
        name_of = self.record.desk.backend.reader.name_of
        known = {user: name_of(user) for user in found["habituation"]}
        if len(set(known.values())) == len(known):  # or who is who would not be told
            found["habituation"] = {known[who]: v for who, v in found["habituation"].items()}
        untold, groups = untold_of_all(
            [groups_of(name, parts) for name, parts in found.get("groups", {}).items()]
        )
        return self.site.page(
            "quality.html",
            422 if refused else 200,
            visitor=visitor,
            refused=refused,
            found=found,
            sections=sections(found),
            groups=groups,
            untold=untold,
        )
