"""The clinic that is attacked: the product's own, small, a copy for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from api_calls import Api
from euthymia.app.clinic import Clinic
from small_clinic import Hands, copied_clinic


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def clinic(tmp_path: Path, clock: Hands) -> Iterator[Clinic]:
    with copied_clinic(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def api(clinic: Clinic) -> Api:
    """The API as somebody from afar reaches it."""
    return Api(clinic, client=("198.51.100.7", 1))
