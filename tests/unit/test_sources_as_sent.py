"""Files as sites send them: packed another way, or opened and saved by a spreadsheet."""

import bz2
import io
import lzma
import tarfile
from pathlib import Path

import pytest

from euthymia.ground.records import Reject
from reading import items_of

_SCREEN = "_id,timestamp,device_id,screen_status\n"
_ROWS = "1,1714557600000,d1,1\n2,1714557601000,d1,0\n"


def _reasons(path: Path) -> list[str]:
    items = items_of(path)
    refused = [item.reason for item in items if isinstance(item, Reject)]
    assert len(refused) == len(items), "nothing of it may be taken in"
    return refused


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_archive_is_not_read_as_its_first_persons_file(tmp_path: Path, mode: str) -> None:
    made = tmp_path / ("study.tar.gz" if mode == "w:gz" else "study.tar")
    with tarfile.open(made, mode) as archive:
        for person in ("p1", "p2"):
            text = (_SCREEN + _ROWS).encode()
            member = tarfile.TarInfo(f"study/{person}/screen.csv")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    [reason] = _reasons(made)
    assert "tar archive: unpack it" in reason


@pytest.mark.parametrize(
    ("name", "data", "hint"),
    [
        ("screen.csv.bz2", bz2.compress(_SCREEN.encode()), "bzip2: unpack it"),
        ("screen.csv.xz", lzma.compress(_SCREEN.encode()), "xz: unpack it"),
        ("study.7z", b"7z\xbc\xaf\x27\x1c" + bytes(90), "7z archive: unpack it"),
        ("diary.xls", b"\xd0\xcf\x11\xe0" + bytes(90), "save its sheets as CSV"),
    ],
)
def test_another_packing_is_named_with_what_to_do(
    tmp_path: Path, name: str, data: bytes, hint: str
) -> None:
    (tmp_path / name).write_bytes(data)
    [reason] = _reasons(tmp_path / name)
    assert hint in reason


@pytest.mark.parametrize("rows", [1, 500])
def test_times_that_a_spreadsheet_cut_are_refused_and_not_moved(tmp_path: Path, rows: int) -> None:
    text = _SCREEN + "1,1.71456E+12,d1,1\n" * rows
    (tmp_path / "screen.csv").write_text(text)
    [reason] = _reasons(tmp_path / "screen.csv")
    assert "cut to a few digits" in reason
    assert "export it again" in reason


def test_a_time_with_an_exponent_and_all_its_digits_is_a_time(tmp_path: Path) -> None:
    (tmp_path / "screen.csv").write_text(_SCREEN + "1,1.714557600000e+12,d1,1\n")
    assert not [item for item in items_of(tmp_path) if isinstance(item, Reject)]


@pytest.mark.parametrize("beside", ["", "2,soon,d1,1\n"])
def test_a_row_is_kept_whatever_other_rows_hold(tmp_path: Path, beside: str) -> None:
    """Java leaves out the zeros of a time, and the plus: 1.71456E12."""
    (tmp_path / "screen.csv").write_text(_SCREEN + "1,1.71456E12,d1,1\n" + beside)
    reasons = [i.reason for i in items_of(tmp_path) if isinstance(i, Reject)]
    assert len(reasons) == len(beside.split())
    assert not any("cut" in reason for reason in reasons)
