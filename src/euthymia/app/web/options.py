"""Treatment options of one patient: what published trials say, weighed by the patient's wishes."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from euthymia.app.entries import Fact
from euthymia.app.published import evidence_folder, require_accepted, stamp_of
from euthymia.app.web.contract import Visitor
from euthymia.app.web.desk import Desk, Opened
from euthymia.app.web.forms import FIRST, TYPED, Again
from euthymia.app.web.going import RULE, TASK, Going, going
from euthymia.app.web.reader import may_see_estimates
from euthymia.app.web.record import Record
from euthymia.ground.codes import PREFERENCE
from euthymia.ground.errors import IntegrityError, MissingError, SchemaError
from euthymia.security.policy import Action

if TYPE_CHECKING:
    from euthymia.models.matching.options import Options

CONDITION: Final = "depression"
CERTIFICATE: Final = "certificate.json"  # in that folder: what `euthymia certify --json` printed
KINDS: Final = ("avoid", "prefer", "ruled_out")
MOST: Final = 12
_NAME: Final = re.compile(r"[\w (),.+/-]{1,60}(=[0-9.]{1,4})?")
NO_EVIDENCE: Final = (
    f"No published evidence on {CONDITION} is set up here: it lies in the folder evidence of the"
    " clinic's home, or where the setting clinic.evidence says"
)
NOT_ACCEPTED: Final = (
    "The published evidence is new or was changed, and nobody has accepted it: have whoever looks"
    " after this clinic's machine read it and run `euthymia init`"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was entered: what to avoid, what is preferred, what is ruled out."""

    avoid: tuple[str, ...] = ()
    prefer: tuple[str, ...] = ()
    ruled_out: tuple[str, ...] = ()

    def text(self) -> str:
        """Return it as it is kept in the record."""
        return "\n".join(f"{kind}: {', '.join(getattr(self, kind))}" for kind in KINDS)


def wanted_of(form: Mapping[str, str]) -> Wanted:
    """Read three lists with commas; SchemaError where one holds what is no name."""
    found = {}
    for kind in KINDS:
        names = tuple(dict.fromkeys(n.strip() for n in form.get(kind, "").split(",") if n.strip()))
        if len(names) > MOST or any(not _NAME.fullmatch(name) for name in names):
            raise SchemaError(
                f"up to {MOST} names with commas between, such as: weight gain, insomnia=2"
            )
        found[kind] = names
    return Wanted(**found)


def kept(text: str) -> Wanted:
    """Read what `Wanted.text` wrote."""
    parts = (line.partition(": ") for line in text.splitlines())
    return wanted_of({kind: names for kind, _, names in parts if kind in KINDS})


@lru_cache(maxsize=32)
def ranked(folder: Path, stamp: tuple[tuple[str, int, int], ...], wanted: Wanted) -> "Options":
    """Return the options; the same files and wishes are not ranked twice. `stamp` is the files'."""
    from euthymia.models.matching.certificate import read_certificate
    from euthymia.models.matching.options import options
    from euthymia.models.matching.rank import rank

    found = rank(
        CONDITION,
        evidence=folder,
        avoid=wanted.avoid,
        prefer=wanted.prefer,
        contraindicated=wanted.ruled_out,
    )
    decided = CERTIFICATE in {name for name, *_ in stamp}
    return options(found, read_certificate(folder / CERTIFICATE) if decided else None)


def options_of(home: Path, setting: str | None, wanted: Wanted) -> "Options":
    """Return the ranked options from the clinic's evidence; MissingError if there is none."""
    path = evidence_folder(home, setting)
    return ranked(path, stamp_of(path), wanted)


class OptionsPage:
    """The handlers."""

    def __init__(self, record: Record, desk: Desk) -> None:
        self.record, self.desk = record, desk

    def routes(self) -> list[Route]:
        """Return the addresses."""
        path = "/patients/{pid}/options"
        return [
            Route(path, self.options, methods=["GET"]),
            Route(path, self.keep, methods=["POST"]),
        ]

    async def options(self, request: Request, again: Again = FIRST) -> Response:
        """Show the ranking under the wishes on record."""
        found = await self.record.opened(request, "treatment options")
        if isinstance(found, Response):
            return found
        visitor, opened = found
        return await run_in_threadpool(self._shown, request, visitor, opened, again)

    def _shown(self, request: Request, visitor: Visitor, opened: Opened, again: Again) -> Response:
        texts = self.desk.texts(opened, PREFERENCE)
        wanted, shown, silent = Wanted(), None, ""
        try:
            wanted = kept(texts[0][2]) if texts else wanted
            shown = self._ranked(wanted)
        except MissingError:
            silent = NO_EVIDENCE
        except IntegrityError:
            silent = NOT_ACCEPTED
        except SchemaError as error:
            silent = str(error)
        return self.record.shown(
            "options.html",
            visitor,
            opened,
            "/options",
            again,
            shown=shown,
            silent=silent,
            fields={k: again.typed.get(k, ", ".join(getattr(wanted, k))) for k in KINDS},
            wanted_at=texts[0][0] if texts else None,
            going=self._going(visitor, opened),
            kinds=TYPED,
            rule_source=RULE,
            kept=request.query_params.get("kept") == "1",
        )

    def _ranked(self, wanted: Wanted) -> "Options":
        clinic = self.desk.clinic
        require_accepted(clinic.home, clinic.config, clinic.keyring)
        return options_of(clinic.home.path, clinic.config.clinic.evidence, wanted)

    def _going(self, visitor: Visitor, opened: Opened) -> Going:
        reader = self.desk.backend.reader
        data = reader.record_of(opened.looked, visitor.actor)
        may = may_see_estimates(self.desk.clinic.policies, visitor)
        model = reader.shelf.get(TASK)
        return going(data, model, opened.looked.grants, reader.now(), may_ask=may)

    async def keep(self, request: Request) -> Response:
        """Keep what the patient wants, under the name of who asked them."""
        found = await self.record.form(request)
        if isinstance(found, Response):
            return found
        visitor, form = found
        pid = request.path_params["pid"]
        subject = await run_in_threadpool(self.desk.require, visitor, pid, Action.WRITE_RECORD)
        try:
            if not set(KINDS) <= set(form):
                return await self.options(request, Again("the form has three fields", form))
            wanted = wanted_of(form)
            await run_in_threadpool(self._known, wanted)
            facts = [Fact(PREFERENCE, text=wanted.text())]
            await run_in_threadpool(self.desk.keep, visitor, subject, facts, "write preferences")
        except SchemaError as error:
            return await self.options(request, Again(str(error), form))
        return self.record.back(request, "/options")

    def _known(self, wanted: Wanted) -> None:
        """Refuse wishes that the evidence cannot be ranked by, before they are kept."""
        with suppress(MissingError, IntegrityError):  # none is set up: kept for when there is
            self._ranked(wanted)
