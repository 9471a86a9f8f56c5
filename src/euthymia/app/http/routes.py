"""Every address of the API, in one table. Whatever is not here, and not under /v1, is a page."""

from typing import Final

from euthymia.app.http.analyze import ANALYZE
from euthymia.app.http.health import HEALTH, READY
from euthymia.app.http.metrics import METRICS
from euthymia.app.http.models import MODELS
from euthymia.app.http.openapi import DOCS, OPENAPI
from euthymia.app.http.services import Routes

ROUTES: Final[Routes] = {
    operation.path: {operation.method: operation}
    for operation in (ANALYZE, MODELS, HEALTH, READY, METRICS, OPENAPI, DOCS)
}
