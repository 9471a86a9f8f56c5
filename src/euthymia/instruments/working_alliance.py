"""Working alliance: two questions each on bond, goals and tasks. Own wording, not validated.

Published alliance scales (WAI, SRS, HAQ) may not be used without their owners' permission or a
fee, so none of their items is here. Bordin's three parts are an idea, and free.
"""

from typing import Final

from euthymia.ground.codes import OWN
from euthymia.instruments.contract import Band, Choice, Instrument, Item, Missing

_BORDIN: Final = "Bordin 1979, doi:10.1037/h0085885"
_AGREE: Final = (
    Choice(0, "Strongly agree"),
    Choice(1, "Agree"),
    Choice(2, "Neither agree nor disagree"),
    Choice(3, "Disagree"),
    Choice(4, "Strongly disagree"),
)
_TEXTS: Final = (
    "I trust the person I see here",
    "They take me seriously",
    "We want the same things from this treatment",
    "I know what we are working towards",
    "What we do together makes sense to me",
    "What I am asked to do between our meetings helps me",
)

INSTRUMENT: Final = Instrument(
    name="working-alliance",
    title="Working alliance, 6 items (not validated)",
    url="urn:euthymia:questionnaire:working-alliance",
    code=OWN + "working-alliance",
    total_code=OWN + "working-alliance.total",
    answered_by="patient",
    recall_days=28,
    items=tuple(
        Item(f"{OWN}working-alliance.{n}", text, _AGREE) for n, text in enumerate(_TEXTS, start=1)
    ),
    bands=(Band(0, 24, "not interpreted"),),
    urgent=(),
    missing=Missing(0, "all six questions must be answered", _BORDIN),
    reliable_change=None,
    response_share=None,
    remission_below=None,
    paper=_BORDIN,
    bands_paper="no band has been studied; the idea: " + _BORDIN,
    remission_paper=None,
    terms="wording of this product's own, under its licence (Apache-2.0): free to use, change and "
    "translate; not validated, so totals are compared with a clinic's own earlier ones and with "
    "nothing else",
    question="How far do you agree, about your treatment here?",
)
