"""One person's data and features on a page: what is there, and why the rest is not."""

import re
from datetime import timedelta
from pathlib import Path

from fixes import CONSENT, FIRST, write_fixes, write_screen
from whole_clinic import call, run


def test_the_page_shows_every_stream_by_day_and_says_why_a_day_is_empty(tmp_path: Path) -> None:
    home, incoming = tmp_path / "clinic", tmp_path / "incoming"
    run(home, "init")
    write_screen(incoming / "beiwe", "anna", 4)
    down = FIRST + timedelta(days=4)
    (incoming / "beiwe" / "anna" / "power_state" / f"{down:%Y-%m-%d %H}_00_00.csv").write_text(
        "timestamp,UTC time,event\n"
        f"{int(down.timestamp() * 1000)},{down:%FT%T}.000,Device shut down signal received\n"
    )
    write_fixes(incoming / "beiwe", "boris", 1)
    write_screen(incoming / "beiwe", "boris", 4)
    noted = FIRST + timedelta(days=1)
    log = incoming / "beiwe" / "boris" / "app_log" / f"{noted:%Y-%m-%d %H}_00_00.csv"
    log.parent.mkdir()
    log.write_text(
        "timestamp,UTC time,event\n"
        f"{int(noted.timestamp() * 1000)},{noted:%FT%T}.000,Location permission denied\n"
    )
    pulse = incoming / "E4-anna" / "1770030000_E4-anna"
    pulse.mkdir(parents=True)
    (pulse / "BVP.csv").write_text("1770030000.000000\n64.000000\n" + "0.5\n-0.5\n" * 640)
    run(home, "ingest", str(incoming), *CONSENT)
    run(home, "features")
    pages = []
    for subject in run(home, "show")["subjects"]:
        out = tmp_path / f"{subject}.html"
        out.touch(0o644)
        assert run(home, "features", "--plot", subject, "--out", str(out))["streams"]
        assert out.stat().st_mode & 0o777 == 0o600
        pages.append(out.read_text())
    assert not any("anna" in page or "http" in page for page in pages)  # alone, and nameless
    words = [re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page)) for page in pages]
    without = r"of \d+ days; without data: \d+ days no consent, "
    assert any(re.search(f"Screen 4 {without}14 days off", w) for w in words)
    (forbidden,) = (w for w in words if re.search(f"Location 1 {without}14 days permission", w))
    assert re.search(rf"Screen 4 {without}\d+ days reason not known", forbidden)
    assert any(re.search(r"Blood volume pulse 1 of \d+ days?", w) for w in words)
    assert any("with data, hours not counted" in w for w in words)
    assert any("Screen time" in w and "own earlier range" in w for w in words)


def test_a_stream_that_was_withdrawn_is_told_as_such(tmp_path: Path) -> None:
    home, out = tmp_path / "clinic", tmp_path / "page.html"
    run(home, "init")
    write_fixes(tmp_path / "beiwe", "anna", 1)
    write_screen(tmp_path / "beiwe", "anna", 2)
    run(home, "ingest", str(tmp_path / "beiwe"), *CONSENT)
    (subject,) = run(home, "show")["subjects"]
    run(home, "consent", subject, "--withdraw", "monitoring", "--streams", "location")
    run(home, "features")
    run(home, "features", "--plot", subject, "--out", str(out))
    words = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", out.read_text()))
    assert re.search(r"Screen 2 of \d+ days", words)
    assert re.search(r"Location consent withdrawn", words)  # and not on how many days there was any


def test_what_cannot_be_drawn_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "clinic"
    run(home, "init")
    write_screen(tmp_path / "beiwe", "anna", 2)
    run(home, "ingest", str(tmp_path / "beiwe"), *CONSENT)
    (subject,) = run(home, "show")["subjects"]
    for who, out, reason in (
        ("nobody", "x.html", "no such subject"),
        (subject, "x.pdf", "must end in .html"),
    ):
        code, told = call(home, "features", "--plot", who, "--out", str(tmp_path / out))
        assert (code, reason in told["error"]) == (1, True)
    run(home, "consent", subject, "--withdraw", "monitoring", "--because", "asked")
    code, told = call(home, "features", "--plot", subject, "--out", str(tmp_path / "x.html"))
    assert (code, "no consent" in told["error"]) == (1, True)
    assert not (tmp_path / "x.html").exists()
