"""What the APIs share, and what an API is: one operation, with all that its documentation needs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from euthymia.app.analyze import Analyzer
from euthymia.app.http.counters import AccessLog, Counters
from euthymia.app.http.exchange import Call, Reply
from euthymia.app.http.recorder import Recorder
from euthymia.app.http.tally import Tally
from euthymia.app.http.together import Together
from euthymia.app.once import Once

if TYPE_CHECKING:
    from euthymia.app.clinic import Clinic


@dataclass(slots=True)
class Services:
    """The clinic and the server's own parts, handed to every API.

    `used` remembers tokens that hold one call, `proofs` the proofs of the running minute.
    """

    clinic: "Clinic"
    analyzer: Analyzer
    recorder: Recorder
    together: Together
    counters: Counters
    log: AccessLog
    tally: Tally | None
    used: Once
    proofs: Once
    routes: "Routes"


Handler = Callable[[Call, Services], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One API: where it is, what answers it, and the types its documentation is made from.

    `reply` is the type of its JSON answer, None where the answer is text of `media`.
    `problems` are slugs of `problems.KINDS`. `bearer` says whether it takes a bearer token.
    """

    path: str
    method: str
    name: str
    summary: str
    description: str
    handle: Handler
    reply: type | None
    media: str = "application/json"
    body: type | None = None
    example: Mapping[str, object] | None = None
    problems: tuple[str, ...] = ()
    statuses: Mapping[int, str] | None = None
    bearer: Literal["no", "optional", "required"] = "no"


Routes = Mapping[str, Mapping[str, Operation]]
"""{path: {method: operation}}"""
