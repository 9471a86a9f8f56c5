"""Apple Health: `export.xml` of any size, the routes of workouts (GPX), and ECG recordings (CSV).

What is kept and how it is read:

* Heart rate, respiratory rate, oxygen saturation (a fraction, stored in %), wrist temperature,
  environmental sound levels, steps, sleep and the routes that older exports hold go into their
  streams; resting heart rate, SDNN and mindful minutes are observations.
* Sleep: `InBed` is stage 5, `Asleep` and `AsleepUnspecified` 4, `AsleepCore` 1, `AsleepDeep` 2,
  `AsleepREM` 3, `Awake` 0.
* A watch and a phone both count the same steps. Where their records overlap, the watch's are kept,
  then those of other devices, then the phone's; likewise for sleep that two apps report. Time in
  bed is left out of this: a phone may well report it beside a watch's stages.
* Each SDNN value comes with a list of the beats it was computed from, at 10 ms. The interval
  between two neighbours is kept as a beat interval if it agrees with the rate that Apple gives for
  the later beat to within rounding: elsewhere beats are missing between them. Rounding to 10 ms
  adds 7 ms to RMSSD (as a root of a sum of squares: 30 ms reads 30.8).
* The list names only the hour of some clock that need not be the record's zone; its minutes and
  seconds are placed within the record's own start and end.

Every other type is counted and named, not kept.
"""

from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Final

from euthymia.ground.ids import device_id
from euthymia.ground.records import Item
from euthymia.sources.apple_records import Records
from euthymia.sources.apple_routes import ecg, gpx, is_ecg, is_gpx
from euthymia.sources.contract import Opened, Source
from euthymia.sources.device_people import person_of
from euthymia.sources.gather import Gather, reading

NAME: Final = "apple_health"
SYSTEM: Final = device_id(NAME, "").system
_CDA: Final = (
    "export_cda.xml repeats a part of export.xml as a clinical document; it is left out: ingest "
    "export.xml"
)


def _recognise(path: PurePath, head: bytes) -> float:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<"):
        if b"<HealthData" in head or b"<!DOCTYPE HealthData" in head:
            return 0.95
        cda = path.name.lower() == "export_cda.xml" and b"<ClinicalDocument" in head
        return 0.9 if is_gpx(head) or cda else 0.0
    return 0.9 if is_ecg(path, head) else 0.0


def _is_whole(_path: PurePath, head: bytes) -> bool:
    return b"<HealthData" in head or b"<!DOCTYPE HealthData" in head


def _read(opened: Opened) -> Iterator[Item]:
    head = opened.blob.head()
    gather = Gather(NAME, person_of(opened))
    if is_gpx(head):
        yield from reading(gather, lambda: gpx(opened.blob, gather))
    elif is_ecg(opened.path, head):
        yield from reading(gather, lambda: ecg(opened, gather))
    elif b"<ClinicalDocument" in head and b"<HealthData" not in head:
        gather.leave(_CDA)
        yield from gather.finish()
    else:
        yield from reading(gather, lambda: Records(gather).read(opened.blob))


_DTD: Final = """<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 13 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout|ActivitySummary)*)>
<!ATTLIST HealthData
  locale CDATA #REQUIRED
>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)>
]>
"""


def _record(kind: str, start: str, end: str, value: str, unit: str = "", inside: str = "") -> str:
    body = f">\n{inside}</Record>" if inside else "/>"
    return (
        f' <Record type="HK{kind}" sourceName="Watch" device="&lt;&lt;HKDevice: 0x2&gt;, '
        f'name:Apple Watch&gt;" {unit and f"unit={chr(34)}{unit}{chr(34)} "}'
        f'startDate="{start} +0200" endDate="{end} +0200" value="{value}"{body}\n'
    )


def _example(folder: Path) -> None:
    home = folder / "anna" / "apple_health_export"
    (home / "workout-routes").mkdir(parents=True)
    quantity, sleep = "QuantityTypeIdentifier", "CategoryTypeIdentifierSleepAnalysis"
    day, beats = "2024-05-01", ("14.00,60", "14.82,73", "15.60,77", "18.40,72", "19.24,71")
    listed = "".join(
        f'  <InstantaneousBeatsPerMinute bpm="{beat.split(",")[1]}" '
        f'time="8:00:{beat.split(",")[0]} AM"/>\n'
        for beat in beats
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + _DTD
        + '<HealthData locale="en_US">\n <ExportDate value="2024-05-02 09:00:00 +0200"/>\n'
        + _record(f"{quantity}HeartRate", f"{day} 08:00:00", f"{day} 08:00:00", "61", "count/min")
        + _record(f"{quantity}StepCount", f"{day} 08:00:00", f"{day} 08:05:00", "310", "count")
        + _record(
            f"{quantity}HeartRateVariabilitySDNN",
            f"{day} 08:00:13",
            f"{day} 08:01:17",
            "41.5",
            "ms",
            f" <HeartRateVariabilityMetadataList>\n{listed} </HeartRateVariabilityMetadataList>\n",
        )
        + _record(
            sleep, f"{day} 00:10:00", f"{day} 01:00:00", "HKCategoryValueSleepAnalysisAsleepCore"
        )
        + "</HealthData>\n"
    )
    (home / "export.xml").write_text(text, encoding="utf-8")
    (home / "workout-routes" / "route_2024-05-01_8.05am.gpx").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<gpx version="1.1"><trk><trkseg>\n'
        '<trkpt lon="13.4" lat="52.5"><ele>34.5</ele><time>2024-05-01T06:05:00Z</time>'
        "<extensions><speed>1.2</speed><hAcc>4.5</hAcc></extensions></trkpt>\n"
        '<trkpt lon="13.41" lat="52.5"><time>2024-05-01T06:05:01Z</time></trkpt>\n'
        "</trkseg></trk></gpx>\n",
        encoding="utf-8",
    )


SOURCE = Source(
    name=NAME,
    title="Apple Health",
    formats=(
        "<id>/apple_health_export/export.xml (or within <id>.zip)",
        "<id>/.../workout-routes/*.gpx",
        "<id>/.../electrocardiograms/*.csv",
    ),
    recognise=_recognise,
    read=_read,
    whole=_is_whole,
    example=_example,
    by_path=True,
)
