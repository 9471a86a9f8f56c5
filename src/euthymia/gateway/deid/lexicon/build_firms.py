"""Builds the list of firms beside this file from packages fetched by hand (see PROVENANCE.md).

    python -m euthymia.gateway.deid.lexicon.build_firms nsi.json company_tickers.csv

`nsi.json` is `dist/json/nsi.json` of npm `name-suggestion-index`; `company_tickers.csv` holds the
column `name` of `edgar/reference/data/company_tickers.parquet` of PyPI `edgartools`, one a line.
Nothing is fetched, and nothing of this runs when notes are read.
"""

# ruff: noqa: E501, RUF001 - patterns are read whole, apostrophes as they stand in the lists

import argparse
import json
import lzma
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from euthymia.gateway.deid.clinical import EPONYMS, clinical_noun, medical
from euthymia.gateway.deid.fold import folded
from euthymia.gateway.deid.lexicon import Lexicon, lexicon
from euthymia.gateway.deid.lexicon.by_hand import words

_LEGAL: Final = re.compile(
    r"[,.]? ?(?:/[a-z]{2,10}/?|\b(?:inc|incorporated|corp|corporation|co|company|ltd|limited|llc|l\.l\.c|lp|l\.p"
    r"|plc|p\.l\.c|s\.?a\.?|n\.?v\.?|ag|se|asa|ab|oyj|spa|s\.p\.a|s\.a\.b\. de c\.v|de c\.v|sa de cv|b\.?v\.?|gmbh"
    r"|kgaa|a/s|adr|trust|holdings?|group|class a|cl a|new|the|com|& co)\b)\.?\)? ?$"
)
"""What says only that a name is a firm's."""
_FUNDS: Final = re.compile(
    r"\b(?:fund|funds|etf|acquisition|income|term|municipal|bond|reit|tbk|ii|iii|iv|vi|vii|viii|[ivx])\b"
)
_WRITTEN: Final = re.compile(r"[a-z0-9][a-z0-9 &'’.+!/-]{2,44}")
_ASIDE: Final = re.compile(r" ?\([^)]{0,60}\) ?")
_KINDS: Final = ("brands/", "operators/amenity/", "operators/office/")
_NOT: Final = re.compile(
    r"/(?:vending_machine|atm|toilets|fire_station|police|recycling|charging_station|drinking_water|waste_disposal|post_box"
    r"|parking|telephone|courthouse|townhall|public_bookcase|charge_point|totem|poster_box|payment_terminal"
    r"|water_tower|bench|shelter|alcohol|beverages|political_party|highway)$"
)


def bare(name: str) -> str:
    """Return a firm's name folded and without its legal form."""
    low = _ASIDE.sub(" ", " ".join(folded(name).replace("’", "'").split())).strip()
    while True:
        shorter = _LEGAL.sub("", low).strip(" ,.&/-")
        if shorter in {low, ""}:
            return low
        low = shorter


def classed(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield names and how each is told: "" as it stands, "1" one word, "?" after a cue only."""
    en, es = lexicon("en"), lexicon("es")
    never = words("never_names") | words("departments") | words("generic") | words("label_words")
    towns = {word for place in en.places | es.places for word in place.split()}
    for name in sorted({bare(n) for n in names}):
        own = re.findall(r"[a-z]+", name)
        if not _WRITTEN.fullmatch(name) or not own or len(own) > 5 or max(map(len, own)) < 4:
            continue
        if all(w in never or medical(w) or clinical_noun(w) or w in EPONYMS for w in own):
            continue
        if name in en.places or name in en.countries:
            continue
        if len(own) == 1:
            single = _other(own[0], en, es) or len(own[0]) < 5 or own[0] in towns
            yield name, "?" if single else "1"
        elif all(_other(w, en, es) or len(w) < 3 for w in own):
            yield name, "?"
        else:
            yield name, ""


def _other(word: str, en: Lexicon, es: Lexicon) -> bool:
    """Tell whether a word is something else as well: a word, a name, a town, a drug."""
    lists = (en.words, es.words, en.given, en.family, en.rare, en.places, en.countries, EPONYMS)
    return any(word in listed for listed in lists) or medical(word)


def listed(nsi: Path, tickers: Path) -> set[str]:
    """Return the names of shops, banks, schools and the like, and those on the stock market."""
    out: set[str] = set()
    for path, kind in json.loads(nsi.read_text("utf-8"))["nsi"].items():
        if not path.startswith(_KINDS) or _NOT.search(path):
            continue
        for item in kind["items"]:
            tags = item["tags"]
            out |= {tags[k] for k in ("name", "brand", "operator", "brand:en") if k in tags}
    rows = tickers.read_text("utf-8").splitlines()
    return out | {row for row in rows if not _FUNDS.search(folded(row))}


def main() -> None:
    """Write the list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nsi", type=Path)
    parser.add_argument("tickers", type=Path)
    args = parser.parse_args()
    lines = [f"{name}\t{how}" for name, how in classed(listed(args.nsi, args.tickers))]
    packed = lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME)
    (Path(__file__).parent / "firms.txt.xz").write_bytes(packed)
    sys.stdout.write(f"firms: {len(lines)} entries, {len(packed)} bytes\n")


if __name__ == "__main__":
    main()
