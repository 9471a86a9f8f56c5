"""What an alert's page says of a change: the words and the numbers beside them agree."""

import pytest

from euthymia.app.web.retold import retold
from euthymia.care.alerts.card import Known, _change_words, _named, seen_words, unseen_words
from euthymia.care.alerts.contract import Trace
from euthymia.care.monitor.watched import spec
from euthymia.care.summary import Phq9, SubjectSummary
from euthymia.ground.clock import DAY_US
from euthymia.ground.ids import SubjectId


def _trace(name: str, value: float) -> Trace:
    ends = (-1.7,) * 7, (0.3,) * 7
    return Trace(name, "", "h", tuple(range(7)), (value,) * 7, *ends)


@pytest.mark.parametrize(
    ("z", "value", "words"),
    [
        (-3, -2.5, "Fell asleep: earlier than usual for them (21:30, usually 22:18 to 00:18)"),
        (3, 1.5, "Fell asleep: later than usual for them (01:30, usually 22:18 to 00:18)"),
        (
            -3,
            -1.09,
            (
                "Fell asleep: earlier on the last day, most recent days as usual "
                "(22:55, usually 22:18 to 00:18)"
            ),
        ),
    ],
)
def test_a_time_of_day_is_told_by_the_clock_and_no_usual_number_is_called_unusual(
    z: float, value: float, words: str
) -> None:
    feature = spec("sleep_phone", "sleep_onset_h")
    assert _change_words(feature, z, _trace("sleep_phone.sleep_onset_h", value)) == words


def test_hours_of_something_are_hours() -> None:
    feature = spec("sleep_phone", "sleep_duration_h")
    words = _change_words(feature, 2.5, _trace("sleep_phone.sleep_duration_h", 9.2))
    assert words == f"{feature.title}: more than usual for them (9.2 h, usually 0 to 0.3 h)"


def test_two_devices_that_tell_of_one_thing_are_told_apart() -> None:
    both = ["sleep_phone.sleep_onset_h", "sleep_actigraphy.sleep_onset_h"]
    told = _named([*both, "steps.steps"])
    assert [told[name].title for name in both] == [
        "Fell asleep (sleep by phone)",
        "Fell asleep (sleep by actigraphy)",
    ]
    assert told["steps.steps"].title == "Steps"
    alone = _named(both[:1])
    assert alone[both[0]].title == "Fell asleep"
    words = _change_words(told[both[0]], 3.0, None)
    assert retold(words, "es") == (
        "Hora de dormirse (sueño según el teléfono): más tarde de lo habitual en esta persona"
    )


def test_missing_scores_are_said_to_be_of_phone_or_watch_and_not_of_questionnaires() -> None:
    asked = Phq9(0, 2.0, (0,) * 9)
    known = Known(SubjectSummary(SubjectId("p-" + "a" * 16), phq9=(asked,)), now=DAY_US)
    assert "PHQ-9 2" in seen_words(known)
    words = unseen_words(known)
    assert "no scores of phone or watch days" in words
    told = retold(words, "es")
    assert told is not None
    assert "teléfono o reloj" in told
