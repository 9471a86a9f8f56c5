"""Whatever a FHIR bundle holds, reading it ends, and each entry is told of once."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from draws import MORE
from euthymia.sources.fhir import SOURCE
from euthymia.sources.fhir_types import R4_TYPES
from reading import assert_accounted, read

FIELDS = (
    *("id", "status", "code", "subject", "patient", "identifier", "name", "birthDate"),
    *("effectiveDateTime", "valueQuantity", "valueCodeableConcept", "valueBoolean", "component"),
    *("period", "class", "reasonCode", "content", "item", "answer", "provision", "dateTime"),
    *("medicationReference", "contained", "generalPractitioner", "managingOrganization", "telecom"),
    *("address", "communication", "presentedForm", "abatementDateTime", "dosageInstruction"),
    *("coding", "system", "value", "reference", "start", "end", "attachment", "data", "linkId"),
    *("extension", "type"),
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["2024", "2024-02-30", "2024-05-01T10:00:00Z", "0001-01-01", "9999-12-31"]),
    st.sampled_from(["Patient/p1", "http://loinc.org", "permit", "active", "urn:euthymia:purpose"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    home = tmp_path_factory.mktemp("fhir")
    SOURCE.example(home)
    bundle = json.loads((home / "bundle.json").read_text())
    return [entry["resource"] for entry in bundle["entry"]]


@settings(
    max_examples=50 * MORE,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_field_may_hold_anything(
    data: st.DataObject, template: list[dict[str, Any]], tmp_path: Path
) -> None:
    resources: list[Any] = [dict(resource) for resource in template]
    for resource in resources:
        resource.update(data.draw(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=2)))
    kind = data.draw(st.sampled_from(sorted(R4_TYPES)))
    extra = data.draw(st.dictionaries(st.sampled_from(FIELDS), anything, max_size=5))
    resources.append({"subject": {"reference": "Patient/p1"}, **extra, "resourceType": kind})
    path = tmp_path / "bundle.json"
    entries = [{"resource": resource} for resource in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "entry": entries}))
    [(reading, items)] = read(path)
    assert reading.rows_in == len(resources)
    assert_accounted(reading, items)
