"""Every number of the family `hrv`: its name, unit, definition and paper."""

from typing import Final

from euthymia.features.contract import Feature

_OVER: Final = (
    " Median over the valid five-minute windows of the night, 22:00 to 10:00 local time, that ends "
    "on the date; where it holds fewer than six, of the whole local day (`from_night` tells "
    "which); for other time segments, of the segment."
)
_WHOLE: Final = " Of the whole night, or of the day where there is no night (`from_night`)."
_WRIST: Final = (
    "Optical wristbands lose beats with movement and round them: trust nights, and do not compare "
    "devices. Ectopy, atrial fibrillation and drugs that act on the heart rhythm change it."
)
_BREATH: Final = _WRIST + " Breathing slower than 9 a minute moves power from HF to LF."
_VALUES: Final = " Of intervals that were measured."
_PAIRS: Final = " Of pairs of measured intervals that directly follow each other."
_SPECTRUM: Final = (
    " Fourier integral over the beats as they come, straight line out, Hann taper, artefacts "
    "filled in by the series' own autoregressive model."
)
_CHAIN: Final = " Of the intervals with artefacts filled in."

TASK_FORCE: Final = "Task Force 1996, doi:10.1161/01.CIR.93.5.1043"
_BRENNAN: Final = "Brennan et al. 2001, doi:10.1109/10.959330"
_TOICHI: Final = "Toichi et al. 1997, doi:10.1016/S0165-1838(96)00112-9"
_JEPPESEN: Final = "Jeppesen et al. 2014, doi:10.1109/EMBC.2014.6944639"
_YAN: Final = "Yan et al. 2017, doi:10.1186/s12938-017-0402-3"
_PISKORSKI: Final = "Piskorski & Guzik 2011, doi:10.1007/s11517-011-0834-z"
_COSTA: Final = "Costa et al. 2017, doi:10.3389/fphys.2017.00255"
_PENG: Final = "Peng et al. 1995, doi:10.1063/1.166141"
_CYSARZ: Final = (
    "Porta et al. 2007, doi:10.1152/ajpheart.00006.2007; Cysarz et al. 2018, "
    "doi:10.1088/1361-6579/aae302"
)

# name, title, unit, definition, highest possible, direction of a worsening
_Row = tuple[str, str, str, str, float | None, int]

_TIME: Final[tuple[_Row, ...]] = (
    ("mean_nn_ms", "Mean beat interval", "ms", "Mean interval.", 2000, -1),
    ("median_nn_ms", "Median beat interval", "ms", "Median interval.", 2000, -1),
    (
        "mad_nn_ms",
        "Typical deviation of beat intervals",
        "ms",
        "Median absolute deviation from the median interval, times 1.4826.",
        2600,
        -1,
    ),
    ("min_nn_ms", "Shortest beat interval", "ms", "Shortest interval.", 2000, 0),
    ("max_nn_ms", "Longest beat interval", "ms", "Longest interval.", 2000, 0),
    ("prc20_nn_ms", "Beat interval, 20th percentile", "ms", "20th percentile.", 2000, 0),
    ("prc80_nn_ms", "Beat interval, 80th percentile", "ms", "80th percentile.", 2000, 0),
    ("iqr_nn_ms", "Middle half of beat intervals", "ms", "Interquartile range.", 1700, -1),
    ("mcvnn", "Typical relative deviation", "1", "MAD (scaled) over median interval.", 6, -1),
    (
        "sdnn_ms",
        "Overall variability (SDNN)",
        "ms",
        "Standard deviation of intervals (n - 1).",
        1700,
        -1,
    ),
    ("cvnn", "Relative overall variability", "1", "SDNN over mean interval.", 6, -1),
)
_STEPS: Final[tuple[_Row, ...]] = (
    (
        "rmssd_ms",
        "Beat-to-beat variability (RMSSD)",
        "ms",
        "Root mean square of successive differences.",
        1700,
        -1,
    ),
    (
        "sdsd_ms",
        "Spread of beat-to-beat changes (SDSD)",
        "ms",
        "Standard deviation of successive differences (n - 1).",
        1800,
        -1,
    ),
    ("cvsd", "Relative beat-to-beat variability", "1", "RMSSD over mean interval.", 6, -1),
    ("sdnn_rmssd", "Overall over beat-to-beat variability", "1", "SDNN over RMSSD.", None, 0),
    (
        "pnn50_pct",
        "Large beat-to-beat changes (pNN50)",
        "%",
        "Successive differences above 50 ms, of the intervals (pairs and one).",
        100,
        -1,
    ),
    (
        "pnn20_pct",
        "Moderate beat-to-beat changes (pNN20)",
        "%",
        "Successive differences above 20 ms, of the intervals (pairs and one).",
        100,
        -1,
    ),
)
_SHAPE: Final[tuple[_Row, ...]] = (
    (
        "triangular_index",
        "Triangular index",
        "1",
        "Intervals over those in the fullest bin of 1/128 s.",
        None,
        -1,
    ),
    (
        "tinn_ms",
        "Width of the interval histogram (TINN)",
        "ms",
        "Base of the triangle, apex on the fullest bin of 1/128 s, that best fits the histogram.",
        4100,
        -1,
    ),
)
_PLOT: Final[tuple[_Row, ...]] = (
    ("sd1_ms", "Poincaré plot, across (SD1)", "ms", "Spread across the identity line.", 1700, -1),
    ("sd2_ms", "Poincaré plot, along (SD2)", "ms", "Spread along the identity line.", 2400, -1),
    ("ellipse_ms2", "Poincaré plot, area", "ms2", "Area of the ellipse, pi SD1 SD2.", None, -1),
)
_INDEX: Final[tuple[_Row, ...]] = (
    ("csi", "Cardiac sympathetic index", "1", "SD2 over SD1.", None, 0),
    ("cvi", "Cardiac vagal index", "1", "log10(16 SD1 SD2), SD1 and SD2 in ms.", None, -1),
)
_MODIFIED: Final[tuple[_Row, ...]] = (
    (
        "csi_modified_ms",
        "Cardiac sympathetic index, modified",
        "ms",
        "(4 SD2)² over 4 SD1.",
        None,
        0,
    ),
)
_AREAS: Final[tuple[_Row, ...]] = (
    (
        "guzik_pct",
        "Asymmetry, Guzik's index",
        "%",
        "Share of decelerations in the distances from the identity line.",
        100,
        0,
    ),
    (
        "slope_pct",
        "Asymmetry, slope index",
        "%",
        "Share of decelerations in the angles to the identity line.",
        100,
        0,
    ),
    (
        "area_pct",
        "Asymmetry, area index",
        "%",
        "Share of decelerations in the areas of sectors to the identity line.",
        100,
        0,
    ),
    ("porta_pct", "Asymmetry, Porta's index", "%", "Share of accelerations in changes.", 100, 0),
)
_PARTS: Final[tuple[_Row, ...]] = (
    ("c1d", "Short-term asymmetry", "1", "Part of decelerations in short-term variance.", 1, 0),
    ("c2d", "Long-term asymmetry", "1", "Part of decelerations in long-term variance.", 1, 0),
    ("cd", "Total asymmetry", "1", "Part of decelerations in total variance.", 1, 0),
)
_POWER: Final[tuple[_Row, ...]] = (
    ("lf_ms2", "Power, low frequency (LF)", "ms2", "Power from 0.04 to 0.15 Hz.", None, -1),
    ("hf_ms2", "Power, high frequency (HF)", "ms2", "Power from 0.15 to 0.40 Hz.", None, -1),
    ("vhf_ms2", "Power, very high frequency", "ms2", "Power from 0.40 to 0.50 Hz.", None, 0),
    ("total_power_ms2", "Total power", "ms2", "Power from 0 to 0.40 Hz.", None, -1),
    ("lf_hf", "LF over HF", "1", "LF power over HF power; no measure of balance.", None, 0),
    ("lf_nu_pct", "LF, normalised", "%", "LF over the sum of LF and HF.", 100, 0),
    ("hf_nu_pct", "HF, normalised", "%", "HF over the sum of LF and HF.", 100, 0),
    ("ln_hf", "HF, logarithm", "1", "Natural logarithm of HF in ms².", None, -1),
    ("lf_peak_hz", "Peak of LF", "Hz", "Frequency of the highest peak, 0.04-0.15 Hz.", 0.16, 0),
    (
        "hf_peak_hz",
        "Peak of HF",
        "Hz",
        "Frequency of the highest peak, 0.15-0.40 Hz: the breath, where it is in that range.",
        0.41,
        0,
    ),
)
_FRAGMENTS: Final[tuple[_Row, ...]] = (
    (
        "pip_pct",
        "Fragmentation, turning points (PIP)",
        "%",
        "Points where the sign of the differences changes, of all intervals.",
        100,
        1,
    ),
    (
        "ials",
        "Fragmentation, shortness of runs (IALS)",
        "1",
        "Inverse of the mean length of runs of accelerations or decelerations.",
        1,
        1,
    ),
    (
        "pss_pct",
        "Fragmentation, short runs (PSS)",
        "%",
        "Intervals that are in no run of three or more of one sign, of all.",
        100,
        1,
    ),
    (
        "pas_pct",
        "Fragmentation, alternation (PAS)",
        "%",
        "Intervals in stretches of four or more whose differences alternate in sign, of all.",
        100,
        1,
    ),
)
_FRACTAL: Final[tuple[_Row, ...]] = (
    (
        "dfa_a1",
        "Fractal scaling, short (DFA alpha 1)",
        "1",
        "Slope of log fluctuation on log scale, 4-16 beats.",
        None,
        0,
    ),
    (
        "dfa_a2",
        "Fractal scaling, long (DFA alpha 2)",
        "1",
        "Slope of log fluctuation on log scale, 16-64 beats.",
        None,
        0,
    ),
)
_SHARE: Final = " Share of words of three beats, each beat named by its quarter of the values, that"
_WORDS: Final[tuple[_Row, ...]] = (
    ("no_variation_pct", "Words without variation (0V)", "%", f"{_SHARE} stay.", 100, 1),
    ("one_variation_pct", "Words with one variation (1V)", "%", f"{_SHARE} change once.", 100, 0),
    ("two_like_pct", "Words with two like variations", "%", f"{_SHARE} go on one way.", 100, -1),
    ("two_unlike_pct", "Words with two unlike variations", "%", f"{_SHARE} turn back.", 100, 0),
)
_ENTROPY: Final = " Templates of 2 beats compared with 3, tolerance 0.2 standard deviations."
_LONG: Final[tuple[_Row, ...]] = (
    (
        "sdnn_whole_ms",
        "Overall variability of the night",
        "ms",
        "Standard deviation of all intervals that were measured.",
        1700,
        -1,
    ),
    (
        "sdann_ms",
        "Slow variability (SDANN)",
        "ms",
        "Standard deviation of the means of valid five-minute windows.",
        1700,
        -1,
    ),
    (
        "sdnn_index_ms",
        "Five-minute variability (SDNN index)",
        "ms",
        "Mean of SDNN over valid five-minute windows.",
        1700,
        -1,
    ),
    (
        "ulf_ms2",
        "Power, ultra low frequency (ULF)",
        "ms2",
        "Power below 0.0033 Hz, from four hours on, at least 80 % of them recorded.",
        None,
        -1,
    ),
    (
        "vlf_ms2",
        "Power, very low frequency (VLF)",
        "ms2",
        "Power from 0.0033 to 0.04 Hz, from 50 minutes on, at least 80 % of them recorded.",
        None,
        -1,
    ),
    (
        "rejected_pct",
        "Intervals that are artefacts",
        "%",
        "Share of recorded intervals: ectopic, missed, extra, odd, or outside 300 to 2000 ms.",
        100,
        0,
    ),
    ("windows", "Five-minute windows", "{windows}", "Valid five-minute windows.", None, 0),
)
_ZERO: Final = 0.0


def _made(
    rows: tuple[_Row, ...], paper: str, of: str, limits: str, low: float | None = _ZERO
) -> tuple[Feature, ...]:
    return tuple(
        Feature(name, title, unit, text.strip() + of, paper, low, high, worse, None, limits)
        for name, title, unit, text, high, worse in rows
    )


def _entropies() -> tuple[Feature, ...]:
    """Return the entropies, each with its own paper."""
    rows = (
        (
            "shannon_bit",
            "Entropy of the interval histogram",
            "bit",
            "Shannon entropy in bins of 1/128 s.",
            "Shannon 1948, doi:10.1002/j.1538-7305.1948.tb01338.x",
        ),
        (
            "sample_entropy",
            "Sample entropy",
            "1",
            "Self-matches left out." + _ENTROPY,
            "Richman & Moorman 2000, doi:10.1152/ajpheart.2000.278.6.H2039",
        ),
        (
            "approximate_entropy",
            "Approximate entropy",
            "1",
            "Self-matches kept." + _ENTROPY,
            "Pincus 1991, doi:10.1073/pnas.88.6.2297",
        ),
        (
            "fuzzy_entropy",
            "Fuzzy entropy",
            "1",
            "Templates about their own mean, likeness exp(-distance / tolerance)." + _ENTROPY,
            "Chen et al. 2007, doi:10.1109/TNSRE.2007.897025",
        ),
    )
    return tuple(
        Feature(name, title, unit, text + _CHAIN + _OVER, paper, None, None, -1, None, _WRIST)
        for name, title, unit, text, paper in rows
    )


_FEW_BEATS: Final = (
    " Five minutes hold a few hundred beats: enough to compare a person with themselves, not to "
    "measure an attractor. "
)


def _dimensions() -> tuple[Feature, ...]:
    """Return the measures of memory and dimension, each with its own paper."""
    rows = (
        (
            "hurst",
            "Hurst exponent",
            (
                "Slope of the log rescaled range, less that expected of independent normal "
                "numbers, on the log of the box (8, 12, 16, 24, 32, 48 and 64 beats side by side), "
                "plus 0.5: 0.5 no memory, more where what is slow stays slow. NaN below 128 beats."
            ),
            (
                "Hurst 1951, doi:10.1061/TACEAT.0006518; Anis & Lloyd 1976, "
                "doi:10.1093/biomet/63.1.111"
            ),
        ),
        (
            "correlation_dimension",
            "Correlation dimension (D2)",
            (
                "Of points made of two successive beats: the slope of the log share of pairs "
                "nearer (Euclidean) than a radius on the log radius, 55 radii from 0.1 to 0.5 "
                "standard deviations. About 2 for noise, less where beats follow a course. NaN "
                "below 128 beats."
            ),
            "Grassberger & Procaccia 1983, doi:10.1103/PhysRevLett.50.346",
        ),
        (
            "higuchi_dimension",
            "Higuchi's fractal dimension",
            (
                "Slope of the log length of the series on minus the log of the stride it is "
                "measured in, 1 to 10 beats: 1 a smooth line, 2 noise. NaN below 128 beats."
            ),
            "Higuchi 1988, doi:10.1016/0167-2789(88)90081-4",
        ),
    )
    return tuple(
        Feature(name, title, "1", text + _CHAIN + _OVER, paper, None, None, 0, None,
                _WRIST + _FEW_BEATS.rstrip())
        for name, title, text, paper in rows
    )  # fmt: skip


FEATURES: Final[tuple[Feature, ...]] = (
    *_made(_TIME, TASK_FORCE, _VALUES + _OVER, _WRIST),
    *_made(_STEPS, TASK_FORCE, _PAIRS + _OVER, _WRIST),
    *_made(_SHAPE, TASK_FORCE, _VALUES + _OVER, _WRIST),
    *_made(_PLOT, _BRENNAN, _PAIRS + _OVER, _WRIST),
    *_made(_INDEX, _TOICHI, _PAIRS + _OVER, _WRIST, None),
    *_made(_MODIFIED, _JEPPESEN, _PAIRS + _OVER, _WRIST),
    *_made(_AREAS, _YAN, _PAIRS + _OVER, _WRIST),
    *_made(_PARTS, _PISKORSKI, _PAIRS + _OVER, _WRIST),
    *_made(_POWER[:7], TASK_FORCE, _SPECTRUM + _OVER, _BREATH),
    *_made(_POWER[7:8], TASK_FORCE, _SPECTRUM + _OVER, _BREATH, None),
    *_made(_POWER[8:], TASK_FORCE, _SPECTRUM + _OVER, _BREATH),
    *_made(_FRAGMENTS, _COSTA, _CHAIN + _OVER, _WRIST),
    *_made(_FRACTAL, _PENG, _CHAIN + _OVER, _WRIST, None),
    *_made(_WORDS, _CYSARZ, _CHAIN + _OVER, _WRIST),
    *_entropies(),
    *_dimensions(),
    *_made(_LONG, TASK_FORCE, _WHOLE, _WRIST),
    Feature(
        "from_night",
        "Measured at night",
        "1",
        "1 if the values are of the night, 0 if of the day: the two differ and should not be "
        "compared. Not known for other time segments than the day.",
        TASK_FORCE,
        0,
        1,
        limits="Night is what the clock says, not when the person slept.",
    ),
)
