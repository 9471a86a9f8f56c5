"""Where the real data sets are, and the mark for tests that need them."""

from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"real data sets are not at {DATA}; tests on them are skipped"
)
