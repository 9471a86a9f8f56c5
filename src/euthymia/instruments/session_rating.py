"""Session rating: four questions right after a session. Written for this product, not validated."""

from typing import Final

from euthymia.ground.codes import OWN
from euthymia.instruments.contract import Band, Choice, Instrument, Item, Missing

ALLIANCE: Final = "Fl\u00fcckiger et al. 2018, doi:10.1037/pst0000172"
"""Alliance and outcome over 295 studies: r = 0.28. It is about alliance, not about these items."""
AGREE: Final = (
    Choice(0, "Strongly agree"),
    Choice(1, "Agree"),
    Choice(2, "Neither agree nor disagree"),
    Choice(3, "Disagree"),
    Choice(4, "Strongly disagree"),
)
TERMS: Final = (
    "wording of this product's own, under its licence (Apache-2.0): free to use, change and "
    "translate; not validated, so totals are compared with a clinic's own earlier ones and with "
    "nothing else"
)
UNREAD: Final = "no band has been studied; what alliance predicts: " + ALLIANCE
_TEXTS: Final = (
    "I felt listened to today",
    "We worked on what matters to me",
    "The way we worked suits me",
    "This session was worth my time",
)

INSTRUMENT: Final = Instrument(
    name="session-rating",
    title="Rating of a session, 4 items (not validated)",
    url="urn:euthymia:questionnaire:session-rating",
    code=OWN + "session-rating",
    total_code=OWN + "session-rating.total",
    answered_by="patient",
    recall_days=1,
    items=tuple(
        Item(f"{OWN}session-rating.{n}", text, AGREE) for n, text in enumerate(_TEXTS, start=1)
    ),
    bands=(Band(0, 16, "not interpreted"),),
    urgent=(),
    missing=Missing(0, "all four questions must be answered", ALLIANCE),
    reliable_change=None,
    response_share=None,
    remission_below=None,
    paper=ALLIANCE,
    bands_paper=UNREAD,
    remission_paper=None,
    terms=TERMS,
    question="How far do you agree, about today's session?",
)
