"""How many examples the tests of properties draw."""

import os

MORE = int(os.environ.get("EUTHYMIA_EXAMPLES", "1"))
"""`make check` draws the same ones at every run, so few do; `make check-all` more, and new ones."""
