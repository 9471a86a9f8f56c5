"""PHQ-9 scoring on three NHANES cycles: 17,000 people, with their gaps."""

import gzip
import struct
from collections import Counter

import pytest

from euthymia.instruments.phq9 import INSTRUMENT
from euthymia.instruments.score import score
from real import DATA, needs_data

pytestmark = needs_data
ITEMS = [f"DPQ0{n}0" for n in range(1, 10)]


def ibm_float(raw: bytes) -> float | None:
    """Read a SAS transport number: sign, base-16 exponent, fraction; '.' is missing."""
    raw = raw.ljust(8, b"\0")
    if raw[0] != 0 and not any(raw[1:]):
        return None
    (bits,) = struct.unpack(">Q", raw)
    fraction = bits & ((1 << 56) - 1)
    sign = -1 if bits >> 63 else 1
    return sign * fraction * 16.0 ** (((bits >> 56) & 0x7F) - 64 - 14)


def transport(name: str) -> list[dict[str, float | None]]:
    data = gzip.decompress((DATA / "questionnaires" / name).read_bytes())
    at = data.index(b"HEADER RECORD*******NAMESTR HEADER RECORD")
    fields = int(data[at + 54 : at + 58])
    at += 80
    columns = []
    for n in range(fields):
        record = data[at + n * 140 : at + (n + 1) * 140]
        length, _ = struct.unpack(">hh", record[4:8])
        (position,) = struct.unpack(">i", record[84:88])
        columns.append((record[8:16].decode().strip(), position, length))
    width = sum(length for _, _, length in columns)
    at = data.index(b"HEADER RECORD*******OBS     HEADER RECORD") + 80
    body = data[at:]
    rows = []
    for begin in range(0, len(body) - width + 1, width):
        record = body[begin : begin + width]
        if record.strip(b" ") == b"":
            break
        rows.append({n: ibm_float(record[p : p + size]) for n, p, size in columns})
    return rows


def answered(row) -> list[int | None]:
    values = [row[item] for item in ITEMS]
    return [None if v is None or v in (7, 9) else round(v) for v in values]


def test_first_item_counts_are_those_of_the_2015_codebook():
    values = [row["DPQ010"] for row in transport("DPQ_I.xpt.gz")]
    found = Counter(round(v) for v in values if v is not None)
    assert [found[n] for n in (0, 1, 2, 3, 7)] == [3805, 852, 255, 239, 7]


@pytest.mark.parametrize("name", ["DPQ_E.xpt.gz", "DPQ_G.xpt.gz", "DPQ_I.xpt.gz"])
def test_totals_and_bands_equal_a_plain_count(name):
    rows = [answered(row) for row in transport(name)]
    assert len(rows) > 5000
    bands: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    edges = [(4, "minimal"), (9, "mild"), (14, "moderate"), (19, "moderately severe")]
    urgent = 0
    for row in rows:
        found = score(INSTRUMENT, row)
        urgent += bool(found.urgent)
        gaps = row.count(None)
        assert (found.total is None) == (gaps > 2)
        if gaps == 0:
            assert found.total == sum(row)
            bands[found.band.name] += 1
            total = sum(row)
            plain[next((b for edge, b in edges if total <= edge), "severe")] += 1
    assert bands == plain
    assert urgent == sum(row[8] is not None and row[8] >= 1 for row in rows)


@pytest.mark.parametrize("name", ["DPQ_E.xpt.gz", "DPQ_G.xpt.gz", "DPQ_I.xpt.gz"])
def test_the_share_of_depressed_adults_is_what_surveys_find(name):
    """Unweighted, complete answers: 8 to 10 of a hundred score 10 or more."""
    totals = [score(INSTRUMENT, answered(row)) for row in transport(name)]
    whole = [s.total for s in totals if s.total is not None and not s.prorated]
    share = sum(t >= 10 for t in whole) / len(whole)
    assert 0.075 < share < 0.105
