import re
from dataclasses import fields
from pathlib import Path

import pytest

from euthymia.app.config import Config, parse, render
from euthymia.ground.errors import SchemaError

SETTINGS = Path(__file__).parents[2] / "docs" / "settings.md"


def _settings() -> list[str]:
    return [
        f"{section.name}.{setting.name}"
        for section in fields(Config)
        for setting in fields(getattr(Config(), section.name))
    ]


def test_what_is_written_reads_back() -> None:
    assert parse(render(Config()).encode(), "euthymia.toml") == Config()


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(SchemaError, match=r"serve\.prot"):
        parse(b"[serve]\nprot = 8080\n", "euthymia.toml")


def test_a_wrong_type_is_named() -> None:
    with pytest.raises(SchemaError, match=r"euthymia\.toml.*serve\.port"):
        parse(b'[serve]\nport = "eighty"\n', "euthymia.toml")


def test_broken_toml_names_the_file() -> None:
    with pytest.raises(SchemaError, match=r"euthymia\.toml"):
        parse(b"[serve\n", "euthymia.toml")


def test_every_setting_is_documented_and_no_other() -> None:
    documented = re.findall(
        r"^\| `([a-z_]+\.[a-z_]+)`", SETTINGS.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert documented == _settings()


def test_a_byte_that_is_no_utf8_is_named_by_its_place() -> None:
    with pytest.raises(SchemaError, match=r"euthymia\.toml: byte 14 is not UTF-8"):
        parse(b"[clinic]\n# a \xff\n", "euthymia.toml")


@pytest.mark.parametrize(
    "line",
    [
        '[oidc]\nissuer = "http://sso.example"',
        '[oidc]\nissuer = "http://localhost.evil.example"',
        '[oidc]\nissuer = "sso.example"',
        '[oidc]\nroles = ["doctors"]',
        '[oidc]\nroles = ["doctors=boss"]',
        "[accounts]\nidle_minutes = 0",
        "[accounts]\nsession_hours = 25",
        "[accounts]\nemergency_minutes = 100000",
        "[training]\nworkload = 0",
        '[clinic]\ntime_zone = "Mars/One"',
        '[clinic]\ntime_zone = ""',
        "[serve]\nport = 99999",
        "[serve]\nport = -1",
        "[serve]\nworkers = -1",
    ],
)
def test_settings_that_are_refused(line: str) -> None:
    with pytest.raises(SchemaError, match=r"oidc|accounts|workload|time_zone|port"):
        parse(line.encode(), "euthymia.toml")


def test_providers_that_are_taken() -> None:
    for issuer in ("https://sso.example/realms/staff", "http://127.0.0.1:9000", "http://localhost"):
        text = f'[oidc]\nissuer = "{issuer}"\nroles = ["cn=doctors,ou=x=clinician"]\n'
        assert parse(text.encode(), "x").oidc.role_of() == (("cn=doctors,ou=x", "clinician"),)
