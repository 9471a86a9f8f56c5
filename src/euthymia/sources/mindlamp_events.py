"""What each kind of mindLAMP event says: the fields of its documentation, old and new names."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from euthymia.sources.answers import Unscored, score
from euthymia.sources.contract import Hasher
from euthymia.sources.json_tree import ShapeError, number, text
from euthymia.sources.motion import AXES, BETWEEN_UNITS, DEGREES, STANDARD_GRAVITY
from euthymia.sources.recorded import Made

Data = Mapping[str, Any]
Reader = Callable[[int, dict[str, Any], Hasher], list[Made]]

CHARGING: Final = 2
DISCHARGING: Final = 3
_DIRECTIONS: Final = {
    "1": 1,
    "2": 2,
    "3": 3,
    "4": 3,
    "incoming": 1,
    "outgoing": 2,
    "missed": 3,
    "busy": 3,
}
_SENT: Final = {"1": 1, "2": 2, "received": 1, "sent": 2, "incoming": 1, "outgoing": 2}
_WORDS: Final = {
    "screen_off": 0,
    "screen off": 0,
    "screen_on": 1,
    "screen on": 1,
    "locked": 2,
    "device_locked": 2,
    "screen locked": 2,
    "device locked": 2,
    "unlocked": 3,
    "device_unlocked": 3,
    "screen unlocked": 3,
    "device unlocked": 3,
}
_POWER: Final = {
    "charging": CHARGING,
    "battery_charging": CHARGING,
    "battery charging": CHARGING,
    "unplugged": DISCHARGING,
    "battery_unplugged": DISCHARGING,
    "not_charging": DISCHARGING,
    "battery unplugged": DISCHARGING,
    "full": 5,
}
# the number alone: `screen_state` counts from off, `value` and `state` of later apps from on
_OLD_STATES: Final = {0: 0, 1: 1, 2: 2, 3: 3}
_NEW_STATES: Final = {0: 1, 1: 0, 2: 2, 3: 3}
_SLEEP_WORDS: Final = {
    "in_bed": 5,
    "in_sleep": 4,
    "in_awake": 0,
    "in_light": 1,
    "in_deep": 2,
    "in_rem": 3,
    "in_core": 1,
    "asleep": 4,
    "awake": 0,
    "sleep": 4,
    "light": 1,
    "deep": 2,
    "rem": 3,
}
_SLEEP_NUMBERS: Final = {0: 5, 1: 4, 2: 0}
_OPENED: Final = frozenset(("login", "open_page", "page", "open", "foreground", "launch"))
_TOLD: Final = ("notification", "push")
MAX_SLICES: Final = 1000


def _need(data: dict[str, Any], *names: str) -> float:
    for name in names:
        found = number(data, name)
        if found is not None:
            return found
    raise ShapeError(f"it has no {' or '.join(names)}")


def _maybe(data: dict[str, Any], *names: str) -> float | None:
    return next((v for v in (number(data, name) for name in names) if v is not None), None)


def _word(data: dict[str, Any], *names: str) -> str | None:
    for name in names:
        found = data.get(name)
        if isinstance(found, str) and found.strip():
            return found.strip()
        if isinstance(found, int | float) and not isinstance(found, bool):
            return f"{found:.15g}"
    return None


def _choice(data: dict[str, Any], table: Mapping[str, int], *names: str) -> int:
    word = _word(data, *names)
    if word is None or word.lower() not in table:
        raise ShapeError(f"its {names[0]} is not one of {', '.join(sorted(table))}")
    return table[word.lower()]


def _hash(data: dict[str, Any], hasher: Hasher, *names: str) -> str | None:
    word = _word(data, *names)
    return None if word is None else hasher(word)


def _place(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    accuracy = _maybe(data, "accuracy")
    if accuracy is not None and accuracy < 0:
        raise ShapeError("its accuracy is negative: no valid position")
    values = (
        *(_need(data, "latitude"), _need(data, "longitude")),
        accuracy if accuracy and accuracy > 0 else None,  # 0: it could not be told
        *(_maybe(data, "altitude"), _maybe(data, "speed")),
    )
    return [("location", time_us, values)]


def _axes(data: dict[str, Any]) -> tuple[float, ...]:
    return tuple(_need(data, axis) for axis in AXES)


def _acceleration(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    return [("accelerometer", time_us, _axes(data))]


def _rotation(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    return [("gyroscope", time_us, tuple(value * DEGREES for value in _axes(data)))]


def _motion(time_us: int, data: dict[str, Any], hasher: Hasher) -> list[Made]:
    """Gravity and the user's own acceleration make what an accelerometer feels."""
    parts = [data.get("gravity"), data.get("user_accel", data.get("motion"))]
    if not all(isinstance(part, dict) for part in parts):
        if "x" in data:
            return _acceleration(time_us, data, hasher)
        raise ShapeError("it has no gravity and motion (or user_accel)")
    gravity, own = (np.array(_axes(part)) for part in parts if isinstance(part, dict))
    unit = STANDARD_GRAVITY if float(np.linalg.norm(gravity)) > BETWEEN_UNITS else 1.0
    return [("accelerometer", time_us, tuple(((gravity + own) / unit).tolist()))]


def _call(time_us: int, data: dict[str, Any], hasher: Hasher) -> list[Made]:
    direction = _choice(data, _DIRECTIONS, "call_type", "type")
    length = _need(data, "call_duration", "duration")
    contact = _hash(data, hasher, "call_trace", "trace", "phone_number")
    return [("calls", time_us, (direction, length, contact))]


def _message(time_us: int, data: dict[str, Any], hasher: Hasher) -> list[Made]:
    direction = _choice(data, _SENT, "sms_type", "type", "message_type")
    length = _maybe(data, "length")
    contact = _hash(data, hasher, "trace", "phone_number")
    return [("messages", time_us, (direction, None if length is None else int(length), contact))]


def _state(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    """Return the screen's state, or the charger's, and the battery's level in the same event."""
    word = _word(data, "representation", "valueString")
    level = _maybe(data, "battery_level")
    if level is not None:
        level = level * 100 if 0 <= level <= 1 else level
        level = level if 0 <= level <= 100 else None  # -1: it could not be told
    status = _POWER.get(word.lower()) if word else None
    made: list[Made] = []
    state = _WORDS.get(word.lower()) if word else _state_number(data)
    if word is None and _maybe(data, "screen_state") in {4, 5}:
        status = CHARGING if _maybe(data, "screen_state") == 4 else DISCHARGING
    if state is not None:
        made.append(("screen", time_us, (state,)))
    if level is not None or status is not None:
        made.append(("battery", time_us, (level, status)))
    if not made:
        raise ShapeError("its state is not one of those documented")
    return made


def _state_number(data: dict[str, Any]) -> int | None:
    old = _maybe(data, "screen_state")
    if old is not None:
        return _OLD_STATES.get(int(old))
    new = _maybe(data, "value", "state")
    return None if new is None else _NEW_STATES.get(int(new))


def _steps(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    kind = text(data, "type")
    if kind not in {None, "step_count", "steps"}:
        raise ShapeError("it is a distance, a speed or a cadence: only steps are kept")
    steps = _need(data, "value", "steps")
    if not 0 <= steps < 2**31:
        raise ShapeError("its value is no number of steps")
    return [("steps", time_us, (round(steps), 0.0))]


def _sleep(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    word = _word(data, "representation")
    stage = _SLEEP_WORDS.get(word.lower()) if word else None
    if stage is None:
        value = _maybe(data, "value")
        stage = None if value is None else _SLEEP_NUMBERS.get(int(value))
    if stage is None:
        raise ShapeError("its value is not one of in_bed, in_sleep and in_awake")
    return [("sleep_stages", time_us, (stage, _need(data, "duration") / 1000.0, None))]


def _heart(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    return [("heart_rate", time_us, (_need(data, "value"),))]


def _breath(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    return [("respiration_rate", time_us, (_need(data, "value"),))]


def _oxygen(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    value = _need(data, "value")
    return [("oxygen_saturation", time_us, (value * 100 if value <= 1 else value,))]


def _light(time_us: int, data: dict[str, Any], _: Hasher) -> list[Made]:
    """Return the light that an iPhone's SensorKit measured, as `{"lux": {"value": ...}}`."""
    lux = data.get("lux")
    return [("light", time_us, (_need(lux if isinstance(lux, dict) else data, "value", "lux"),))]


def _nearby(kind: int | None) -> Reader:
    def read(time_us: int, data: dict[str, Any], hasher: Hasher) -> list[Made]:
        which = kind
        if which is None:
            network = "bt_address" not in data and ("bssid" in data or "ssid" in data)
            told = (_word(data, "type") or ("wifi" if network else "bluetooth")).lower()
            which = 2 if told.replace("-", "").startswith("wifi") else 1
        device = _hash(
            data, hasher, "address", "bt_address", "bssid", "device_id", "device__id", "ssid"
        )
        if device is None:
            raise ShapeError("it names no device")
        strength = _maybe(data, "strength", "bt_rssi", "rssi")
        return [("proximity", time_us, (which, device, strength))]

    return read


READERS: Final[dict[str, Reader]] = {
    "lamp.gps": _place,
    "lamp.accelerometer": _acceleration,
    "lamp.gyroscope": _rotation,
    "lamp.device_motion": _motion,
    "lamp.calls": _call,
    "lamp.telephony": _call,
    "lamp.sms": _message,
    "lamp.device_state": _state,
    "lamp.steps": _steps,
    "lamp.sleep": _sleep,
    "lamp.heart_rate": _heart,
    "lamp.respiratory_rate": _breath,
    "lamp.oxygen_saturation": _oxygen,
    "lamp.nearby_device": _nearby(None),
    "lamp.bluetooth": _nearby(1),
    "lamp.wifi": _nearby(2),
    "com.apple.sensorkit.ambient_light": _light,
}
SENSOR_ALIASES: Final = {
    **{name: name for name in READERS},
    "lamp.screen_state": "lamp.device_state",
    "lamp.accelerometer.motion": "lamp.device_motion",
    "lamp.accelerometer.device_motion": "lamp.device_motion",
    "lamp.gps.contextual": "lamp.gps",
    "lamp.android.watch.heart_rate": "lamp.heart_rate",
}
NOT_KEPT: Final = frozenset(
    f"lamp.{name}"
    for name in (
        *(
            "activity_recognition",
            "blood_glucose",
            "blood_pressure",
            "body_temperature",
            "distance",
        ),
        *("flights", "heartratevariability_sdnn", "height", "magnetometer", "nutrition", "segment"),
        "weight",
    )
) | frozenset(
    f"com.apple.sensorkit.{name}"
    for name in ("device_usage", "messages_usage", "phone_usage", "visits")
)
"""What mindLAMP and cortex know besides, and no stream holds: named when it is refused."""


def analytics(time_us: int, data: dict[str, Any], hasher: Hasher) -> list[Made]:
    """Return the use of mindLAMP itself: that it was opened, or that it called."""
    words = {str(data.get(name, "")).lower() for name in ("type", "action", "event_name")}
    app = hasher("mindLAMP")
    if any(word.startswith(_TOLD) for word in words):
        return [("notifications", time_us, (app,))]
    if words & _OPENED or isinstance(data.get("page"), str):
        return [("app_use", time_us, (app, "study_app", None))]
    raise ShapeError("nothing is kept of this kind of analytics")


def survey(time_us: int, event: Data) -> list[Made]:
    """Return the answers of a survey that are numbers, or options of a known scale."""
    slices = event.get("temporal_slices")
    if not isinstance(slices, list) or len(slices) > MAX_SLICES:
        raise ShapeError(f"its temporal_slices are not a list of at most {MAX_SLICES}")
    activity = event.get("activity")
    name = activity if isinstance(activity, str) else "survey"
    made: list[Made] = []
    game = False
    for part in slices:
        if not isinstance(part, dict):
            continue
        item, value = part.get("item"), part.get("value")
        if isinstance(part.get("type"), bool) or not isinstance(item, str):
            game = True
            continue
        try:
            answer = score(_said(value))
        except Unscored:
            continue
        made.append(("momentary_answers", time_us, (f"{name}:{item}", answer)))
    if not made and game:
        raise ShapeError("it is a game, not a survey: nothing is kept of it")
    if not made:
        raise ShapeError("none of its answers is a number: a free text may name people")
    return made


def _said(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)
