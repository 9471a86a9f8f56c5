"""Apple Health: reading a large `export.xml`; memory is that of the whole process.

Run alone: `python benchmarks/apple_health.py [MB]` (1024 unless told).
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from euthymia.ground.records import Reject, Samples
from euthymia.sources.open import readings

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE HealthData [\n'
    '<!ELEMENT HealthData (Record*)>\n]>\n<HealthData locale="en_US">\n'
)
DEVICE = "&lt;&lt;HKDevice: 0x28&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch&gt;"
KINDS = (
    ("HKQuantityTypeIdentifierHeartRate", "count/min", "61"),
    ("HKQuantityTypeIdentifierStepCount", "count", "31"),
    ("HKQuantityTypeIdentifierActiveEnergyBurned", "kcal", "0.31"),
    ("HKQuantityTypeIdentifierEnvironmentalAudioExposure", "dBASPL", "52.4"),
)


def write_export(path: Path, megabytes: int) -> int:
    """Write an export of about that size; return how many records it has."""
    records, size = 0, 0
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD)
        while size < megabytes << 20:
            second = records // len(KINDS)
            day, clock = divmod(second * 37, 86400)
            text = (
                f"20{15 + day // 336 % 10:02d}-{day // 28 % 12 + 1:02d}-{day % 28 + 1:02d} "
                f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d} +0200"
            )
            for kind, unit, value in KINDS:
                line = (
                    f' <Record type="{kind}" sourceName="Watch of somebody" sourceVersion="10.1" '
                    f'device="{DEVICE}" unit="{unit}" creationDate="{text}" startDate="{text}" '
                    f'endDate="{text}" value="{value}"/>\n'
                )
                size += file.write(line)
                records += 1
        file.write("</HealthData>\n")
    return records


def _peak_mb() -> float:
    """Return this process's peak; `ru_maxrss` would begin with that of the one that started it."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line) / 1024


def run(megabytes: int = 1024) -> Iterator[dict[str, Any]]:
    """Yield the time, the rate and the peak memory of reading an export of that size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.xml"
        records = write_export(path, megabytes)
        before = _peak_mb()
        start, rows, left = time.perf_counter(), 0, 0
        for reading in readings([path], hasher=str):
            for item in reading.items:
                rows += item.table.num_rows if isinstance(item, Samples) else 0
                left += item.rows if isinstance(item, Reject) else 0
        seconds = time.perf_counter() - start
    assert rows + left == records
    yield {
        "name": "apple_health_export",
        "ours": round(megabytes / seconds, 1),
        "peer": None,
        "peer_name": None,
        "unit": "MB/s",
        "ratio": None,
        "goal": None,
        "megabytes": megabytes,
        "records": records,
        "seconds": round(seconds, 2),
        "peak_mb": round(_peak_mb()),
        "peak_mb_before": round(before),
    }


if __name__ == "__main__":
    for found in run(int(sys.argv[1]) if len(sys.argv) > 1 else 1024):
        print(found)
