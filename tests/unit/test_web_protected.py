"""Protected records on the pages: a clinician of the team sees them, nobody else does."""

import pyarrow as pa
import pytest

from euthymia.app.web.protected import NOT_YOUR_ROLE, open_to
from euthymia.ground.schemas import OBSERVATIONS
from euthymia.security.policy import SHIPPED, Policies
from euthymia.store.consent import unlabelled


def table(*cells: str | None) -> pa.Table:
    rows = [
        dict.fromkeys(OBSERVATIONS.names, "x")
        | {"time": None, "numeric_value": 1.0, "code": str(place), "sensitivity": cell}
        for place, cell in enumerate(cells)
    ]
    return pa.Table.from_pylist(rows, OBSERVATIONS)


def codes(found: pa.Table) -> list[str]:
    return found.column("code").to_pylist()


MIXED = table(None, "hiv", "hiv substance-use", None)


@pytest.mark.parametrize(
    ("role", "related", "expected"),
    [
        ("clinician", True, ["0", "1", "2", "3"]),
        ("clinician", False, ["0", "3"]),  # a broken glass does not open them
        ("coordinator", True, ["0", "3"]),
        ("scientist", True, ["0", "3"]),
    ],
)
def test_who_sees_protected_records(role: str, related: bool, expected: list[str]) -> None:
    found, said = open_to(SHIPPED, role, MIXED, related=related, second_factor=False)
    assert codes(found) == expected
    assert said == ([] if len(expected) == 4 else [NOT_YOUR_ROLE])


def test_without_protected_records_nothing_is_said() -> None:
    assert (
        open_to(SHIPPED, "coordinator", table(None, None), related=True, second_factor=False)[1]
        == []
    )


def test_a_label_nobody_knows_is_shut_to_all() -> None:
    assert (
        codes(
            open_to(SHIPPED, "clinician", table("new-kind"), related=True, second_factor=False)[0]
        )
        == []
    )


def test_models_and_summaries_rest_on_unlabelled_records_alone() -> None:
    assert codes(unlabelled(MIXED)) == ["0", "3"]


def test_where_a_clinic_asks_for_a_second_factor_they_open_with_it_alone() -> None:
    asks = "forbid (principal, action, resource) unless { context.second_factor };"
    own, held = Policies(f'@id("second-factor") {asks}'), table("psychotherapy-notes")
    for factor in (True, False):
        found, _ = open_to(own, "clinician", held, related=True, second_factor=factor)
        assert found.num_rows == int(factor)
