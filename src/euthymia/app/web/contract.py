"""What the pages need from the clinic behind them, and what they are given to show."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from euthymia.app.accounts.accounts import Accounts
from euthymia.app.accounts.book import Emergency
from euthymia.app.accounts.emergencies import Emergencies
from euthymia.app.oidc import Oidc
from euthymia.care.contract import Urgency, WorklistItem
from euthymia.care.timeline import PatientView
from euthymia.ground.audit import Actor
from euthymia.ground.clock import Micros
from euthymia.ground.ids import SubjectId
from euthymia.security.policy import Action
from euthymia.security.token import Claims

if TYPE_CHECKING:
    from starlette.routing import Route

    from euthymia.app.web.pages import Site
    from euthymia.app.web.session import Sessions

T = TypeVar("T")

VIEWS: Final = ("open", "now", "soon", "look", "everyone")
OWNERS: Final = ("all", "mine", "nobody")
ORDERS: Final = ("urgency", "since", "name", "owner")
MAX_SEARCH_CHARS: Final = 80
PAGE_ROWS: Final = 100  # more than anybody reads at once; each row shown is a ledger entry


@dataclass(frozen=True, slots=True)
class Part:
    """One page of a list: its number from 1, of how many, and of how many rows in all."""

    number: int = 1
    pages: int = 1
    rows: int = 0

    @property
    def first(self) -> int:
        """The number of its first row, from 1."""
        return (self.number - 1) * PAGE_ROWS + 1

    @property
    def last(self) -> int:
        """The number of its last row."""
        return min(self.number * PAGE_ROWS, self.rows)

    def of(self, rows: Sequence[T]) -> Sequence[T]:
        """Return the page's own rows."""
        return rows[self.first - 1 : self.last]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks: a signed-in user. `csrf` is this session's own form token.

    `second_factor`: they signed in with a password and a code, or with a passkey. `renewed`: the
    session's next token, where it is time for one.
    """

    user: str
    role: str
    token_id: str
    expires_at: int
    csrf: str
    second_factor: bool = False
    renewed: str = ""

    @property
    def actor(self) -> Actor:
        """Who the ledger says it was."""
        return Actor(self.user, self.role)


@dataclass(frozen=True, slots=True)
class Who:
    """Who a patient is. Built for people in a care relationship with them, and for nobody else."""

    subject: SubjectId
    name: str
    birth_date: date | None = None
    sex: str | None = None
    site: str | None = None
    language: str | None = None
    simulated: bool = False

    def age_on(self, day: date) -> int | None:
        """Return the age in whole years, where the birth date is known."""
        born = self.birth_date
        if born is None:
            return None
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows of the worklist are asked for."""

    text: str = ""
    view: str = "open"
    owner: str = "all"
    page: int = 1
    order: str = "urgency"

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Filter":
        """Read a query string; what is not a known choice is the default."""
        names = ("view", "owner", "page", "order")
        view, owner, page, order = (query.get(name, "") for name in names)
        return cls(
            text=query.get("q", "").strip()[:MAX_SEARCH_CHARS],
            view=view if view in VIEWS else "open",
            owner=owner if owner in OWNERS else "all",
            page=int(page) if re.fullmatch("[1-9][0-9]{0,5}", page) else 1,
            order=order if order in ORDERS else "urgency",
        )

    def part_of(self, rows: int) -> Part:
        """Return the page asked for, of so many rows that fit; the last where it is beyond."""
        pages = max(1, -(-rows // PAGE_ROWS))
        return Part(min(self.page, pages), pages, rows)

    def in_view(self, item: WorklistItem) -> bool:
        """Tell whether the row's urgency is in the view."""
        if self.view == "everyone":
            return True
        if self.view == "open":
            return item.urgency is not Urgency.NONE
        return item.urgency.value == self.view

    def place(self, who: Who, item: WorklistItem) -> tuple[bool, str]:
        """Return where a row stands in the order asked for; all alike where it is by urgency."""
        key = {
            "since": item.since_on.isoformat() if item.since_on else "",
            "name": who.name.casefold(),
            "owner": (item.owner or "").casefold(),
        }.get(self.order, "-")
        return not key, key  # without a date, or an owner: last

    def keeps(self, who: Who, owners: tuple[str, ...], user: str) -> bool:
        """Tell whether the text and the owner fit."""
        if self.owner == "mine" and user not in owners:
            return False
        if self.owner == "nobody" and owners:
            return False
        return self.text.casefold() in f"{who.name} {who.subject}".casefold()


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a model's card: estimate, 95 % interval, and what chance would give."""

    name: str
    estimate: float
    low: float | None
    high: float | None
    chance: float | None


@dataclass(frozen=True, slots=True)
class ModelNote:
    """What a clinician should know of a released model before reading its estimates."""

    name: str
    version: str
    digest: str
    title: str
    horizon_days: int
    threshold: float | None
    simulated: bool
    trained_on: str
    figures: tuple[Figure, ...] = ()
    unproven: tuple[str, ...] = ()
    audits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it is shown: the person, the item, and who is in the care team."""

    who: Who
    item: WorklistItem
    owners: tuple[str, ...]
    more: int = 0  # further rules that apply
    mine: bool = False  # the visitor is in the care team


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """The worklist as one visitor sees it. `counts` is by view, before text and owner."""

    rows: tuple[Row, ...]
    counts: Mapping[str, int]
    notices: tuple[str, ...]
    at: Micros
    model: ModelNote | None
    ledger_entry: str
    part: Part = field(default_factory=Part)


@dataclass(frozen=True, slots=True)
class PatientPage:
    """One person as one visitor sees them."""

    who: Who
    view: PatientView
    owners: tuple[str, ...]
    at: Micros
    model: ModelNote | None
    ledger_entry: str
    withheld: tuple[str, ...] = field(default_factory=tuple)  # what is not shown, and why
    emergency: Emergency | None = None  # the glass was broken to see this
    alerts: tuple[tuple[str, str], ...] = ()  # (address, words) of those that are not over


class Backend(Protocol):
    """The clinic behind the pages. Every method that shows a person writes the ledger first."""

    @property
    def clinic_name(self) -> str:
        """The clinic's name."""

    @property
    def simulated(self) -> bool:
        """Whether every person here is simulated."""

    @property
    def zone(self) -> tzinfo:
        """The clinic's own clock."""

    @property
    def crisis_lines(self) -> tuple[tuple[str, str], ...]:
        """Whom a patient can call in a crisis: (number, what it is)."""

    def more(self, site: "Site") -> "list[Route]":
        """Return the addresses of the pages that are about one record, or the clinic."""

    @property
    def accounts(self) -> Accounts:
        """The clinic's own accounts."""

    @property
    def sessions(self) -> "Sessions":
        """What opens and ends sessions."""

    @property
    def public_url(self) -> str | None:
        """The address that browsers use, where the settings name it."""

    @property
    def oidc(self) -> Oidc | None:
        """The hospital's own sign-in, where there is one."""

    @property
    def emergencies(self) -> Emergencies:
        """Who broke the glass."""

    def break_glass(self, visitor: Visitor, patient: str, reason: str, code: str) -> Emergency:
        """Open a patient not in one's care. AccessError, MissingError."""

    def list_emergencies(self, visitor: Visitor) -> list[Emergency]:
        """Return every emergency, for a supervisor. Raises AccessError."""

    def may(self, role: str, action: Action) -> bool:
        """Tell whether a role may do this for anybody."""

    def require(self, visitor: Visitor, action: Action) -> None:
        """Refuse whoever may not do this for anybody. Raises AccessError."""

    def sign_in(self, code: str) -> tuple[str, Claims]:
        """Use up a one-time code; return a session token and whose it is. Raises AccessError."""

    def visitor(self, session: str) -> Visitor:
        """Return who holds a session token. Raises AccessError."""

    def sign_out(self, visitor: Visitor) -> None:
        """End the session for good."""

    def worklist(self, visitor: Visitor, wanted: Filter) -> WorklistPage:
        """Return the visitor's worklist. Raises AccessError when the role has none."""

    def state(self) -> int:
        """Return a number that changes whenever anything stored does."""

    def news(self) -> str:
        """Return a text that changes whenever a list does: what is stored, or what fell due."""

    def patient(self, visitor: Visitor, pid: str) -> PatientPage:
        """Return one person's page. MissingError: unknown, or nobody of the visitor's."""

    def models(self, visitor: Visitor) -> tuple[ModelNote, ...]:
        """Return what is released and what is known of it."""
