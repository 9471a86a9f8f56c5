"""MADRS: ten signs of depression rated by a clinician.

The wording of the anchors belongs to its publisher and is not reproduced: raters use their own
licensed form, and this file holds the names of the items and their 0 to 6 points.
"""

from typing import Final

from euthymia.ground.codes import MADRS_TOTAL, OWN
from euthymia.instruments.contract import Band, Choice, Instrument, Item, Missing, Urgent

_MONTGOMERY: Final = "Montgomery and Asberg 1979, doi:10.1192/bjp.134.4.382"
_CHOICES: Final = tuple(Choice(points, f"{points} points") for points in range(7))
_ITEMS: Final = (
    "Apparent sadness",
    "Reported sadness",
    "Inner tension",
    "Reduced sleep",
    "Reduced appetite",
    "Concentration difficulties",
    "Lassitude",
    "Inability to feel",
    "Pessimistic thoughts",
    "Suicidal thoughts",
)

INSTRUMENT: Final = Instrument(
    name="madrs",
    title="Montgomery-Asberg Depression Rating Scale",
    url="urn:euthymia:questionnaire:madrs",
    code=OWN + "madrs",
    total_code=MADRS_TOTAL,
    answered_by="clinician",
    recall_days=7,
    items=tuple(Item(f"{OWN}madrs.{n}", text, _CHOICES) for n, text in enumerate(_ITEMS, 1)),
    bands=(
        Band(0, 6, "no symptoms"),
        Band(7, 19, "mild"),
        Band(20, 34, "moderate"),
        Band(35, 60, "severe"),
    ),
    urgent=(Urgent(9, 2, "suicidal thoughts, fleeting ones included"),),
    missing=Missing(
        0,
        "a clinician's rating is complete or has no total: the authors give no rule for gaps",
        _MONTGOMERY,
    ),
    reliable_change=None,  # no agreed value
    response_share=0.5,
    remission_below=10,
    paper=_MONTGOMERY,
    bands_paper="Snaith et al. 1986, doi:10.1192/bjp.148.5.599",
    remission_paper="Hawley et al. 2002, doi:10.1016/S0165-0327(01)00451-7",
    terms="item names only; the anchors are the publisher's and are not reproduced",
)
