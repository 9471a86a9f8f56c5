"""A consent form that its source writes anew: the last writing counts, in whatever order they come.

The oracle knows every writing and shares no code with what folds them.
"""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from euthymia.gateway.contract import GrantRecord
from euthymia.gateway.permits import standing
from euthymia.ground.audit import Purpose
from euthymia.ground.scope import Scope
from euthymia.security.consent import Use, covers

MONITORING = Purpose.MONITORING
NAMES = ("sleep_stages", "screen", "location", "calls")
USES = [Use(MONITORING, stream=name) for name in NAMES]
SLEEP, SCREEN, LOCATION = (Scope(streams=(name,)) for name in NAMES[:3])
AFTER = 1000

decisions = st.builds(
    GrantRecord,
    st.just(MONITORING),
    st.sampled_from([True, True, False]),
    st.sampled_from([1, 2]),
    st.none() | st.integers(5, 2000),
    st.just(""),
    st.sampled_from([None, SLEEP, SCREEN, LOCATION]),
)
writings = st.lists(st.lists(decisions, min_size=1, max_size=3), min_size=1, max_size=4)


def of_form(told: list[list[GrantRecord]], form: str, later: int = 0) -> list[GrantRecord]:
    """Return the decisions of each writing of one form; one writing says a thing once."""
    return [
        replace(decision, form=form, revised=10 * (number + 1), since=decision.since + later)
        for number, writing in enumerate(told)
        for decision in {(d.permit, d.since, d.scope): d for d in writing}.values()
    ]


def expected(told: list[GrantRecord]) -> list[GrantRecord]:
    """Return what counts once all is known: the last writing, and every refusal."""
    last = {form: max(d.revised for d in told if d.form == form) for form in {d.form for d in told}}
    return [d for d in told if not d.permit or d.revised == last[d.form]]


@given(writings, writings, st.randoms())
def test_whatever_the_order_the_last_writing_decides(first, second, random):
    told = of_form(first, "A") + of_form(second, "B", later=2)
    brought = told + random.choices(told, k=2)  # files come again
    random.shuffle(brought)
    held: list[GrantRecord] = []
    for decision in brought:
        held = standing([*held, decision])
    assert standing(held) == held
    for use in USES:
        assert covers(held, use, AFTER) == covers(expected(told), use, AFTER)


def test_a_narrowed_form_ends_what_it_no_longer_says_where_it_was_written_anew():
    whole = GrantRecord(MONITORING, True, 1, None, "", None, "", "A", 10)
    narrow = replace(whole, scope=SLEEP, revised=20)
    for order in ([whole, narrow], [narrow, whole]):
        ended, left = sorted(standing(order), key=lambda g: g.revised)
        assert (ended.until, left) == (20, narrow)
    again = replace(whole, revised=30)
    assert covers(standing([whole, narrow, again]), USES[3], AFTER)
    refused = replace(whole, permit=False)
    assert not covers(standing([refused, replace(again, permit=False, until=40)]), USES[3], AFTER)
    other = replace(narrow, form="B")
    assert standing([whole, other]) == [whole, other]  # another form says nothing of this one


def test_a_decision_of_before_forms_were_kept_is_known_again():
    before = GrantRecord(MONITORING, True, 1, None, "by letter")
    now = replace(before, form="A", revised=10)
    assert standing([before, now]) == [now]
    assert standing([now, before]) == [now]
    assert len(standing([replace(before, because="by phone"), now])) == 2
