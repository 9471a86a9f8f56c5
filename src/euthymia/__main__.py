"""`python -m euthymia`: the command line."""

import sys

from euthymia.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
