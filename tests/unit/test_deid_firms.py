"""Firms by list, by form and by what stands beside them; what only looks like one stays."""

# ruff: noqa: E501 - texts are read whole

import json
import lzma
import sys
from pathlib import Path

import pytest

from euthymia.gateway.deid.contract import Lang
from euthymia.gateway.deid.lexicon import build_firms
from redacting import redacted


@pytest.mark.parametrize(
    ("text", "lang", "left"),
    [
        # by form: a word that no list holds, then what founders end names with
        ("Lost savings in Quandrix Minerals last year.", "en", "Lost savings in [ORGANISATION] last year."),
        ("She sued Velbrand Properties, L.P. over it.", "en", "She sued [ORGANISATION]. over it."),
        ("Demandó a Velbrand Properties, S.A. por ello.", "es", "Demandó a [ORGANISATION]. por ello."),
        # by context: the words of the name may be ordinary ones
        ("He was at the Awful Mammoth office all night.", "en", "He was at the [ORGANISATION] office all night."),
        ("After two years at Thirsty Lantern she left.", "en", "After two years at [ORGANISATION] she left."),
        ("Accelerant was founded by an uncle.", "en", "[ORGANISATION] was founded by an uncle."),
        ("Tiende acciones de Sol Rápido y pierde dinero.", "es", "Tiende acciones de [ORGANISATION] y pierde dinero."),
        ("Dr Ines Okafor from Copper Thistle rang.", "en", "Dr [PERSON] from [ORGANISATION] rang."),
        ("Ines Okafor from Can Capital spoke.", "en", "[PERSON] from [ORGANISATION] spoke."),
        ("Owed by Quandrix Minerals, Rapid Kettle and Blue Ladle.", "en", "Owed by [ORGANISATION], [ORGANISATION] and Blue Ladle."),
        # by list
        ("Called Zillow, then cried.", "en", "Called [ORGANISATION], then cried."),
        ("Banked with Credit Suisse until then.", "en", "Banked with [ORGANISATION] until then."),
    ],
)  # fmt: skip
def test_firms(text: str, lang: Lang, left: str) -> None:
    assert redacted(text, lang) == left


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Sleep Hygiene and Relapse Prevention were covered.", "en"),
        ("Her Working Memory and Processing Speed were low.", "en"),
        ("The Community Services office rang.", "en"),
        ("Her Hamilton Anxiety was from Monday.", "en"),
        ("The visa and the gap in her target worry her.", "en"),
        ("Plan: Control Glucemia, Revisar Litio.", "es"),
    ],
)
def test_what_only_looks_like_a_firm_stays(text: str, lang: Lang) -> None:
    assert redacted(text, lang) == text


def test_the_list_is_built_from_its_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Legal forms go; a word, a name or a town needs a cue; a drug or a fund is left out."""
    nsi = {
        "brands/shop/shoes": {"items": [{"tags": {"brand": "Vrindalo"}}]},
        "brands/amenity/bank": {"items": [{"tags": {"name": "Summit Bank"}}]},
        "transit/route/bus": {"items": [{"tags": {"name": "Zorbuslinje"}}]},
    }
    (tmp_path / "nsi.json").write_text(json.dumps({"nsi": nsi}), "utf-8")
    names = [
        "QUANDRIX MINERALS CORP /DE/",
        "Apple Inc.",
        "Zorb Income Fund",
        "Lithium",
        "Leeds PLC",
    ]
    (tmp_path / "rows.csv").write_text("\n".join(names), "utf-8")
    monkeypatch.setattr(build_firms, "__file__", str(tmp_path / "x.py"))
    files = [str(tmp_path / "nsi.json"), str(tmp_path / "rows.csv")]
    monkeypatch.setattr(sys, "argv", ["build_firms", *files])
    build_firms.main()
    listed = lzma.decompress((tmp_path / "firms.txt.xz").read_bytes()).decode().split("\n")
    assert listed == ["apple\t?", "quandrix minerals\t", "summit bank\t?", "vrindalo\t1"]
