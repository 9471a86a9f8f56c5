"""One flipped bit anywhere in a home is found."""

import random
import shutil
from pathlib import Path

import pytest

from whole_clinic import call

FLIPS_PER_FILE = 6


def _files(home: Path) -> list[str]:
    return sorted(
        str(p.relative_to(home)) for p in home.rglob("*") if p.is_file() and p.stat().st_size
    )


def _flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << (bit % 8)
    path.write_bytes(data)


def test_a_flipped_bit_in_any_file_is_found(home: Path, tmp_path: Path) -> None:
    draw = random.Random(5)
    unseen = []
    for name in _files(home):
        size = (home / name).stat().st_size
        for bit in {0, size * 8 - 1, *(draw.randrange(size * 8) for _ in range(FLIPS_PER_FILE))}:
            hurt = tmp_path / "hurt"
            shutil.copytree(home, hurt)
            _flip(hurt / name, bit)
            code, result = call(hurt, "verify")
            if code == 0 or result.get("ok"):
                unseen.append(f"{name} bit {bit}")
            shutil.rmtree(hurt)
    assert unseen == []


@pytest.mark.parametrize("name", ["clinic.db", "ledger/ledger.log", "keys/master.key"])
def test_a_missing_file_is_found(home: Path, name: str) -> None:
    (home / name).unlink()
    code, result = call(home, "verify")
    assert code == 1
    assert not result.get("ok")


def test_an_edited_setting_stops_every_command_until_it_is_accepted(home: Path) -> None:
    settings = home / "euthymia.toml"
    settings.write_text(settings.read_text().replace('"Test clinic"', '"Other"'))
    code, result = call(home, "show")
    assert code == 1
    assert "euthymia init" in result["error"]
    assert call(home, "init")[0] == 0
    assert call(home, "show")[0] == 0
