"""What a channel of a recorder is, by its label and its unit."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

_VOLTS: Final = {
    "nv": 1e-9,
    "uv": 1e-6,
    "µv": 1e-6,
    "μv": 1e-6,
    "microv": 1e-6,
    "microvolt": 1e-6,
    "microvolts": 1e-6,
    "mv": 1e-3,
    "millivolt": 1e-3,
    "millivolts": 1e-3,
    "v": 1.0,
    "volt": 1.0,
    "volts": 1.0,
}
_SIEMENS: Final = {"us": 1.0, "µs": 1.0, "μs": 1.0, "microsiemens": 1.0, "ms": 1e3, "s": 1e6}
_CELSIUS: Final = {"c": 1.0, "°c": 1.0, "degc": 1.0, "deg c": 1.0, "celsius": 1.0}
_PERCENT: Final = {"%": 1.0, "percent": 1.0}
_PER_MINUTE: Final = {"bpm": 1.0, "/min": 1.0, "1/min": 1.0, "beats/min": 1.0, "": 1.0}
_ANY: Final[Mapping[str, float]] = {}


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a channel goes: the stream, its field, the factor to its unit, and its label."""

    stream: str
    field: str
    factor: float
    label: str | None = None


@dataclass(frozen=True, slots=True)
class _Kind:
    pattern: re.Pattern[str]
    stream: str
    field: str
    units: Mapping[str, float]
    scale: float = 1.0


def _kind(
    pattern: str, stream: str, field: str, units: Mapping[str, float], scale: float = 1.0
) -> _Kind:
    return _Kind(re.compile(pattern, re.IGNORECASE), stream, field, units, scale)


_SITE: Final = (
    r"(fp[12z]|af[0-9z]{1,2}|f[0-9z]{1,2}|ft[0-9]{1,2}|fc[0-9z]{1,2}|t[0-9]{1,2}|tp[0-9]{1,2}|"
    r"c[0-9z]{1,2}|cp[0-9z]{1,2}|p[0-9z]{1,2}|po[0-9z]{1,2}|o[12z]|i[12z]|nz|a[12]|m[12])"
)
_INNER: Final = r"rect\w*|core|body|oral|mouth|ear|tymp\w*|esoph\w*|room|ambient|air|amb"
"""Temperatures that are not the skin's."""
_KINDS: Final = (
    _kind(r"(ecg|ekg)\b.*|.*\b(ecg|ekg)", "electrocardiogram", "value", _VOLTS, 1e3),
    _kind(
        rf"eeg\b.*|{_SITE}([- ]?({_SITE}|ref|le|avg|cz|av))?",
        "electroencephalogram",
        "value",
        _VOLTS,
        1e6,
    ),
    _kind(r"(eda|gsr|scl?|skin ?cond\w*)\b.*", "electrodermal_activity", "level", _SIEMENS),
    _kind(r"(ppg|pleth\w*|bvp)\b.*", "photoplethysmogram", "value", _ANY),
    _kind(
        r"(?!.*\b(rate|rr|freq\w*|bpm)\b)"
        r"(resp\w*|airflow|flow|nasal.*|thor\w*|abdo\w*|chest|rip\b.*|effort.*)( .*)?",
        "respiration",
        "value",
        _ANY,
    ),
    _kind(r"(spo2|sao2|osat|oxy\w* sat\w*)\b.*", "oxygen_saturation", "value", _PERCENT),
    _kind(
        rf"(?!.*\b({_INNER})\b)(skin ?temp\w*|temp\w*( skin)?)\b.*",
        *("skin_temperature", "value"),
        _CELSIUS,
    ),
    _kind(r"(hr|heart ?rate|pulse( rate)?|pr)", "heart_rate", "rate", _PER_MINUTE),
)


def channel_of(label: str, unit: str, kind: str = "") -> Channel | str:
    """Return where a channel goes, or why it is not kept.

    Parameters
    ----------
    label, unit : str
        As the recorder wrote them ("EEG Fpz-Cz", "uV").
    kind : str
        What the recorder says the channel is ("EEG"), where its label does not.
    """
    name = label.strip()
    found = next((k for k in _KINDS if k.pattern.fullmatch(name)), None)
    if found is None:
        found = next((k for k in _KINDS if kind and k.pattern.fullmatch(kind)), None)
    if found is None:
        return "a channel that has no stream here (or a label that does not say what it is)"
    unit = unit.strip().lower()
    if found.units and unit not in found.units:
        return f"a channel of {found.stream} whose unit is none of {', '.join(found.units)}"
    factor = found.units[unit] * found.scale if found.units else 1.0
    if found.stream != "electroencephalogram":
        return Channel(found.stream, found.field, factor)
    short = re.sub(r"^eeg[ _-]*", "", name, flags=re.IGNORECASE)
    clean = re.sub(r"[^A-Za-z0-9-]", "", short).strip("-")[:16]
    return Channel(found.stream, found.field, factor, clean or "EEG")


def one_each(channels: Iterable[Channel | str]) -> tuple[Channel | str, ...]:
    """Return channels such that no two write into the same stream under the same label.

    A stream without labels takes the first: airflow, chest and abdomen, or two leads of an
    electrocardiogram, would be one curve that is none of them. Channels of an electroencephalogram
    with the same label are numbered.
    """
    seen: dict[tuple[str, str | None], int] = {}
    done: list[Channel | str] = []
    for channel in channels:
        if isinstance(channel, str) or channel.stream == "event_marks":
            done.append(channel)
            continue
        key = (channel.stream, channel.label)
        seen[key] = number = seen.get(key, 0) + 1
        if number == 1:
            done.append(channel)
        elif channel.label:
            done.append(replace(channel, label=f"{channel.label[:12]}-{number}"))
        else:
            done.append(f"a further channel of {channel.stream}: the first of the file is kept")
    return tuple(done)


STAGES: Final = {
    "w": 0,
    "wake": 0,
    "1": 1,
    "n1": 1,
    "2": 1,
    "n2": 1,
    "3": 2,
    "n3": 2,
    "4": 2,
    "r": 3,
    "rem": 3,
}
_STAGE: Final = re.compile(r"sleep stage (w|wake|[1-4]|n[1-3]|r|rem)", re.IGNORECASE)


def stage_of(text: str) -> int | None:
    """Return the sleep stage that an annotation scores ("Sleep stage N2"); None if it is none."""
    found = _STAGE.fullmatch(text.strip())
    return STAGES[found.group(1).lower()] if found else None
