"""PHQ-9: nine questions on depression over the last two weeks."""

from typing import Final

from euthymia.ground.codes import LOINC, PHQ9_ITEMS, PHQ9_TOTAL
from euthymia.instruments.contract import (
    Band,
    Choice,
    Instrument,
    Item,
    Missing,
    ReliableChange,
    Urgent,
)

_KROENKE: Final = "Kroenke et al. 2001, doi:10.1046/j.1525-1497.2001.016009606.x"
_CHOICES: Final = (
    Choice(0, "Not at all", LOINC + "LA6568-5"),
    Choice(1, "Several days", LOINC + "LA6569-3"),
    Choice(2, "More than half the days", LOINC + "LA6570-1"),
    Choice(3, "Nearly every day", LOINC + "LA6571-9"),
)
_TEXTS: Final = (
    "Little interest or pleasure in doing things",
    "Feeling down, depressed, or hopeless",
    "Trouble falling or staying asleep, or sleeping too much",
    "Feeling tired or having little energy",
    "Poor appetite or overeating",
    (
        "Feeling bad about yourself, or that you are a failure or have let yourself or your "
        "family down"
    ),
    "Trouble concentrating on things, such as reading the newspaper or watching television",
    (
        "Moving or speaking so slowly that other people could have noticed, or the opposite: being "
        "so fidgety or restless that you have been moving around a lot more than usual"
    ),
    "Thoughts that you would be better off dead, or of hurting yourself in some way",
)

INSTRUMENT: Final = Instrument(
    name="phq9",
    title="Patient Health Questionnaire, 9 items",
    url="http://loinc.org/q/44249-1",
    code=LOINC + "44249-1",
    total_code=PHQ9_TOTAL,
    answered_by="patient",
    recall_days=14,
    items=tuple(Item(code, text, _CHOICES) for code, text in zip(PHQ9_ITEMS, _TEXTS, strict=True)),
    bands=(
        Band(0, 4, "minimal"),
        Band(5, 9, "mild"),
        Band(10, 14, "moderate"),
        Band(15, 19, "moderately severe"),
        Band(20, 27, "severe"),
    ),
    urgent=(Urgent(8, 1, "thoughts of being better off dead or of self-harm"),),
    missing=Missing(
        2,
        "with one or two items unanswered each takes the mean of the answered ones; with more "
        "there is no total",
        "Instructions for the PHQ and GAD-7 measures; Arrieta et al. 2017, doi:10.1002/jclp.22390",
    ),
    reliable_change=ReliableChange(6, "Gyani et al. 2013, doi:10.1016/j.brat.2013.06.004"),
    response_share=0.5,
    remission_below=5,
    paper=_KROENKE,
    bands_paper=_KROENKE,
    remission_paper=_KROENKE,
    terms="no permission required to reproduce, translate, display or distribute",
)
