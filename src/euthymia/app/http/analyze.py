"""POST /v1/analyze: ask a model about one person."""

import asyncio
from functools import partial
from typing import Final

from euthymia.app.analyze import ACTION
from euthymia.app.http.caller import authenticate
from euthymia.app.http.exchange import Call, Reply, json_reply, problem_reply, refused
from euthymia.app.http.services import Operation, Services
from euthymia.app.http.together import Judged
from euthymia.app.problems import RefusalError
from euthymia.app.question import AnalyzeRequest, Answer, read_question
from euthymia.app.shelf import NotOpenError


async def analyze(call: Call, services: Services) -> Reply:
    """Check, judge, put the verdict in the ledger, and only then tell it."""
    verdict, recorded = await _judged(call, services)
    try:
        entry = await services.recorder.end(recorded)
    except RefusalError as refusal:
        return refused(refusal, call.request)
    told = verdict.told(entry)
    if isinstance(told, Answer):
        return json_reply(told, outcome=told.decision.replace(" ", "-"))
    return problem_reply(told)


async def _judged(call: Call, services: Services) -> Judged:
    analyzer, claims = services.analyzer, None
    try:
        claims = authenticate(call, services)
        analyzer.require_role(claims)
        asked = read_question(await call.body())
    except RefusalError as refusal:
        verdict = analyzer.refuse(refusal, claims, call.request)
        return verdict, services.recorder.begin(verdict.entry)
    prepare = partial(analyzer.prepare, asked, claims, call.request)
    try:
        return await services.together.judge(partial(prepare, may_read=False))
    except NotOpenError:  # the store must be read: not on the loop that the others wait for
        found = await asyncio.get_running_loop().run_in_executor(None, prepare)
    return await services.together.judge(lambda: found)


_EXAMPLE: Final = {
    "patient_id": "p-abcdefghijklmnop",
    "feature_vector": [0.12, 0.45, -0.01],
    "model": "relapse-30d",
}

ANALYZE = Operation(
    path="/v1/analyze",
    method="POST",
    name=ACTION,
    summary="Ask a model about one patient",
    description="Returns the calibrated probability with its interval and strongest reasons, or "
    "why the model abstains. Checked in this order: token, role, care relationship, consent, "
    "schema, model. Every call is in the ledger before it is answered, refused ones too.",
    handle=analyze,
    reply=Answer,
    body=AnalyzeRequest,
    example=_EXAMPLE,
    problems=(
        "bad-request",
        "token",
        "role",
        "care-relationship",
        "consent",
        "model-not-found",
        "method",
        "timeout",
        "too-large",
        "media-type",
        "schema",
        "features",
        "address",
        "rate",
        "internal",
        "ledger",
        "integrity",
        "busy",
    ),
    bearer="required",
)
