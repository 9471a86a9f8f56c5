"""GAD-7: seven questions on anxiety over the last two weeks."""

from typing import Final

from euthymia.ground.codes import LOINC
from euthymia.instruments.contract import (
    Band,
    Choice,
    Instrument,
    Item,
    Missing,
    ReliableChange,
)

_SPITZER: Final = "Spitzer et al. 2006, doi:10.1001/archinte.166.10.1092"
_CHOICES: Final = (
    Choice(0, "Not at all", LOINC + "LA6568-5"),
    Choice(1, "Several days", LOINC + "LA6569-3"),
    Choice(2, "More than half the days", LOINC + "LA6570-1"),
    Choice(3, "Nearly every day", LOINC + "LA6571-9"),
)
_ITEMS: Final = (
    ("69725-0", "Feeling nervous, anxious, or on edge"),
    ("68509-9", "Not being able to stop or control worrying"),
    ("69733-4", "Worrying too much about different things"),
    ("69734-2", "Trouble relaxing"),
    ("69735-9", "Being so restless that it is hard to sit still"),
    ("69689-8", "Becoming easily annoyed or irritable"),
    ("69736-7", "Feeling afraid, as if something awful might happen"),
)

INSTRUMENT: Final = Instrument(
    name="gad7",
    title="Generalized Anxiety Disorder scale, 7 items",
    url="http://loinc.org/q/69737-5",
    code=LOINC + "69737-5",
    total_code=LOINC + "70274-6",
    answered_by="patient",
    recall_days=14,
    items=tuple(Item(LOINC + code, text, _CHOICES) for code, text in _ITEMS),
    bands=(
        Band(0, 4, "minimal"),
        Band(5, 9, "mild"),
        Band(10, 14, "moderate"),
        Band(15, 21, "severe"),
    ),
    urgent=(),
    missing=Missing(
        2,
        "with one or two items unanswered each takes the mean of the answered ones; with more "
        "there is no total",
        "Instructions for the PHQ and GAD-7 measures; Arrieta et al. 2017, doi:10.1002/jclp.22390",
    ),
    reliable_change=ReliableChange(4, "Gyani et al. 2013, doi:10.1016/j.brat.2013.06.004"),
    response_share=0.5,
    remission_below=None,  # no agreed value
    paper=_SPITZER,
    bands_paper=_SPITZER,
    remission_paper=None,
    terms="no permission required to reproduce, translate, display or distribute",
)
