"""Sound around the phone, any stretch of time: how silent, how loud, how much like speech."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from euthymia.features.contract import Columns, Days, Family, Feature, Windows
from euthymia.features.taken import HOUR_US, numbers, seen_us, take, times
from euthymia.features.taken import coverage as share_of
from euthymia.ground.clock import Timeline

Array = NDArray[np.float64]

SILENT_US: Final = HOUR_US  # phones listen every few minutes to half an hour
ALONE_US: Final = 60_000_000
VOICE_HZ: Final = (65.0, 255.0)
LOUD_DB: Final = 70.0
MIN_SAMPLES: Final = 5  # for shares and quantiles


def _enough(found: Array, n: Array) -> Array:
    return np.where(n >= MIN_SAMPLES, found, np.nan)


def measure(streams: Mapping[str, Columns], timeline: Timeline, windows: Windows) -> Days:
    """Describe the sound of each row's stretches."""
    del timeline
    rows = windows.day.size
    values = {f.name: np.full(rows, np.nan) for f in FAMILY.features}
    time = times(streams, "audio_level")
    if time.size == 0:
        return Days(values, np.zeros(rows))
    stream = streams["audio_level"]
    silent, level, pitch = (numbers(stream, name) for name in ("silent", "level", "frequency"))
    every = take(time, windows)
    told, loud, heard = (every.where(~np.isnan(x)) for x in (silent, level, pitch + silent))
    voice = (silent == 0) & (pitch > VOICE_HZ[0]) & (pitch < VOICE_HZ[1])
    low, middle, high, top = loud.quantiles(level, 0.25, 0.5, 0.75, 0.95).T
    n = loud.count()
    tones = every.where(~np.isnan(pitch))
    with np.errstate(invalid="ignore", divide="ignore"):
        values |= {
            "samples": every.count(),
            "silent_pct": _enough(100 * told.mean((silent == 1).astype(np.float64)), told.count()),
            "level_mean_db": _enough(loud.mean(level), n),
            "level_median_db": _enough(middle, n),
            "level_iqr_db": _enough(high - low, n),
            "level_sd_db": _enough(loud.spread(level), n),
            "level_p95_db": _enough(top, n),
            "loud_pct": _enough(100 * loud.mean((level > LOUD_DB).astype(np.float64)), n),
            "frequency_median_hz": _enough(tones.quantiles(pitch, 0.5)[:, 0], tones.count()),
            "voice_pct": _enough(100 * heard.mean(voice.astype(np.float64)), heard.count()),
        }
    return Days(values, share_of(windows, seen_us(windows, time, SILENT_US, ALONE_US)))


_NIIMPY = "Ikäheimonen et al. 2023 (niimpy), doi:10.1016/j.softx.2023.101472"
_AWARE = "Ferreira et al. 2015 (AWARE), doi:10.3389/fict.2015.00006"
_PHONE = (
    "The level is the phone's own and not calibrated: it differs between models, and a phone in a "
    "bag hears less. What counts as silent is the recording app's rule."
)
_FEW = " NaN with fewer than 5 samples that tell it."


def _feature(
    name: str,
    title: str,
    unit: str,
    definition: str,
    low: float,
    high: float | None,
    paper: str = _NIIMPY,
    worse: int = 0,
    limits: str = _PHONE,
) -> Feature:
    return Feature(name, title, unit, definition, paper, low, high, worse, None, limits)


FAMILY = Family(
    name="audio",
    version="1",
    title="Sound around the phone",
    streams=("audio_level",),
    lookback_days=1,
    measure=measure,
    coverage="share of the window in which samples of sound are at most an hour apart; one alone "
    "counts for a minute",
    features=(
        _feature(
            "samples",
            "Samples of sound",
            "{samples}",
            "Number of samples of sound.",
            0,
            None,
            _AWARE,
        ),
        _feature(
            "silent_pct",
            "Silence",
            "%",
            "Share of samples that the recording app calls silent." + _FEW,
            0,
            100,
        ),
        _feature(
            "level_mean_db", "Mean level of sound", "dB", "Mean level of samples." + _FEW, -200, 200
        ),
        _feature(
            "level_median_db", "Level of sound", "dB", "Median level of samples." + _FEW, -200, 200
        ),
        _feature(
            "level_iqr_db",
            "Range of sound",
            "dB",
            "Interquartile range of the level of samples." + _FEW,
            0,
            400,
        ),
        _feature(
            "level_sd_db",
            "Spread of sound",
            "dB",
            "Standard deviation of the level of samples." + _FEW,
            0,
            400,
        ),
        _feature(
            "level_p95_db",
            "Loud sounds",
            "dB",
            "95th percentile of the level of samples." + _FEW,
            -200,
            200,
        ),
        _feature(
            "loud_pct", "Share of loud sound", "%", "Share of samples above 70 dB." + _FEW, 0, 100
        ),
        _feature(
            "frequency_median_hz",
            "Pitch of sound",
            "Hz",
            "Median of the strongest frequency of samples." + _FEW,
            0,
            100_000,
        ),
        _feature(
            "voice_pct",
            "Sound like a voice",
            "%",
            "Share of samples that are not silent and whose strongest frequency is between "
            "65 and 255 Hz, the pitch of voices: an estimate of time in conversation." + _FEW,
            0,
            100,
            _NIIMPY,
            -1,
            "Engines, music and television have such frequencies too, and speech is often "
            "strongest above them. " + _PHONE,
        ),
    ),
)
