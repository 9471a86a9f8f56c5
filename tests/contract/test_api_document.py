"""docs/api.md says what the API really answers: keys, the example of a refusal, the problems."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from api_calls import Api
from euthymia.app.problems import KINDS
from euthymia.app.question import AnalyzeRequest, Answer
from euthymia.models.contract import Reason
from small_clinic import NO_CONSENT, copied_clinic

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with copied_clinic(tmp_path) as clinic:
        yield Api(clinic)


def first_cells(head: str) -> list[str]:
    """Return the words in backquotes in the first column of the table under a header row."""
    table = TEXT.split(head)[1].split("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def test_the_tables_have_the_fields_of_a_call_and_the_keys_of_an_answer(api: Api) -> None:
    assert set(first_cells("| field | what |")) == set(AnalyzeRequest.__struct_fields__)
    assert first_cells("| key | what |") == list(api.ask().json()) == list(Answer.__struct_fields__)
    reasons = re.search(r"\| `reasons` \|.*?`([a-z, ]+)`.*`contribution`", TEXT)
    assert reasons is not None
    told = [*reasons[1].split(", "), "contribution"]
    assert told == list(Reason.__struct_fields__)


def test_the_example_of_a_refusal_is_a_refusal(api: Api) -> None:
    (block,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    example, real = json.loads(block), api.ask(patient_id=NO_CONSENT).json()
    assert re.fullmatch(r"urn:euthymia:ledger:L-[0-9]+-[0-9a-f]{8}", example.pop("instance"))
    assert re.fullmatch(r"urn:euthymia:ledger:L-[0-9]+-[0-9a-f]{8}", real.pop("instance"))
    assert list(example.items()) == list(real.items())


def test_every_kind_of_problem_is_listed_with_its_status() -> None:
    table = TEXT.split("| `type` ends in |")[1].split("\n\n")[0]
    listed: dict[str, int] = {}
    for row in table.splitlines()[2:]:
        names, statuses = re.findall(r"`([a-z-]+)`", row.split("|")[1]), row.split("|")[2]
        numbers = [int(number) for number in statuses.split(",")]
        listed |= dict(zip(names, numbers * (len(names) // len(numbers)), strict=True))
    assert listed == {name: kind.status for name, kind in KINDS.items()}


def test_coverage_is_told_in_the_same_words_as_in_the_code(api: Api) -> None:
    words = "Stored features: the share of the days looked back on that have data"
    schema = msgspec.json.schema(Answer)["$defs"]["Answer"]["properties"]["coverage"]
    assert words in schema["description"]
    assert words in TEXT


def test_the_calls_that_are_shown_are_read(api: Api) -> None:
    bodies = [json.loads(body) for body in re.findall(r"-d '(\{.*\})'", TEXT)]
    assert len(bodies) == 2
    for body in bodies:
        msgspec.convert(body, AnalyzeRequest)
