"""`euthymia features --plot`: one person's data and features on a page, without a name."""

import os
from itertools import groupby
from pathlib import Path
from typing import Any

from markupsafe import Markup

from euthymia.app.clinic import Clinic, shell_actor
from euthymia.app.web import charts
from euthymia.app.web.reader import Reader
from euthymia.app.web.rendering import render, static_files
from euthymia.care.timeline import patient_view
from euthymia.features.catalogue import families
from euthymia.ground.errors import ConsentError, SchemaError
from euthymia.store.consent import unlabelled


def plot_subject(clinic: Clinic, subject: str, out: Path) -> dict[str, Any]:
    """Write a self-contained HTML page: data by stream and day, and every feature over time.

    Raises
    ------
    MissingError
        Nobody is known by that name.
    ConsentError
        No consent to monitoring is in force: there is nothing that may be shown.
    SchemaError
        The file's name does not end in .html.
    """
    if out.suffix != ".html":
        raise SchemaError(f"{out.name}: the name must end in .html")
    who = clinic.resolve(subject)
    reader = Reader(clinic)
    looked = reader.look(who, shell_actor())
    if not looked.monitored:
        raise ConsentError("no consent to monitoring is in force: there is nothing to plot")
    view = patient_view(
        looked.summary,
        observations=unlabelled(looked.observations),
        families=families(),
        features=looked.features,
        now=reader.now(),
        consented=looked.consented,
        held=looked.record.data.segments,
        noted=looked.record.noted,
    )
    by_family = sorted(view.trends, key=lambda trend: trend.family)
    drawn = [
        (family, [(trend, charts.trend_chart(trend, view)) for trend in own])
        for family, own in groupby(by_family, key=lambda trend: trend.family)
    ]
    style = static_files()["euthymia.css"][0].decode()
    page = render(
        "plot.html",
        {
            "subject": who,
            "at": reader.now(),
            "view": view,
            "families": drawn,
            "describe": charts.describe,
            "style": Markup(style),  # noqa: S704 - our own file
        },
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        os.fchmod(handle, 0o600)  # of a page that was there before too: it is about a person
        file.write(page)
    return {"subject": who, "out": out, "streams": len(view.coverage), "features": len(view.trends)}
