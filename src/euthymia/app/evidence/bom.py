"""CycloneDX 1.6 bills of materials: of the software, and of the released models."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from euthymia import __version__
from euthymia.app.evidence.packages import Package
from euthymia.models.bundle import Bundle

_EXPRESSION: Final = re.compile(r"[A-Za-z0-9.\-+() ]+")
_ONE: Final = re.compile(r"[A-Za-z0-9.+]+(-[A-Za-z0-9.+]+)+|MIT|ISC|0BSD|Zlib|Unlicense")


def _around(now: datetime, components: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid4()}",
        "version": 1,
        "metadata": {
            "timestamp": now.isoformat(timespec="seconds"),
            "component": {
                "type": "application",
                "bom-ref": "euthymia",
                "name": "euthymia",
                "version": __version__,
                "licenses": [{"expression": "Apache-2.0"}],
            },
        },
        "components": components,
    }


def software(packages: Sequence[Package], now: datetime) -> dict[str, Any]:
    """Return the SBOM of what is installed."""
    there = {package.name for package in packages}
    others = [package for package in packages if package.name != "euthymia"]
    told = _around(now, [_library(package) for package in others])
    told["dependencies"] = [
        {"ref": p.name, "dependsOn": [need for need in p.needs if need in there]} for p in packages
    ]
    if "euthymia" not in there:
        told["dependencies"].append({"ref": "euthymia", "dependsOn": sorted(there)})
    return told


def _library(package: Package) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": package.name,
        "name": package.name,
        "version": package.version,
        "purl": f"pkg:pypi/{package.name}@{package.version}",
        "licenses": [_licence(package.licence)],
    }


def _licence(text: str) -> dict[str, Any]:
    known = _EXPRESSION.fullmatch(text) and (
        re.search(r"\b(AND|OR|WITH)\b", text) or _ONE.fullmatch(text)
    )
    return {"expression": text} if known else {"license": {"name": text}}


def models(bundles: Sequence[Bundle], now: datetime) -> dict[str, Any]:
    """Return the ML-BOM of released models. It names nobody who was in their training data."""
    return _around(now, [_model(bundle) for bundle in bundles])


def _model(bundle: Bundle) -> dict[str, Any]:
    card = bundle.card
    measured = [
        {"type": name, "value": str(told.get("estimate")), **_interval(told)}
        for name, told in card.get("metrics", {}).items()
        if isinstance(told, dict) and told.get("estimate") is not None
    ]
    wrong_for = [str(words) for words in card.get("not_for", ())]
    return {
        "type": "machine-learning-model",
        "bom-ref": f"{bundle.name}@{bundle.version}",
        "name": bundle.name,
        "version": str(bundle.version),
        "description": str(card.get("intended_use", bundle.task)),
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(bundle.onnx).hexdigest()}],
        "modelCard": {
            "modelParameters": {
                "approach": {"type": "supervised"},
                "task": "classification",
                "modelArchitecture": str(card.get("estimator", "")),
                "inputs": [{"format": f"{f.name} [{f.unit}]"} for f in bundle.features],
                "outputs": [{"format": f"probability within {bundle.horizon_days} days"}],
            },
            "quantitativeAnalysis": {"performanceMetrics": measured},
            "considerations": {
                "useCases": [str(card.get("intended_use", bundle.task))],
                "technicalLimitations": [*wrong_for, f"evidence: {bundle.evidence}"],
            },
        },
        "properties": [
            {"name": "euthymia:trained-at", "value": bundle.trained_at},
            {"name": "euthymia:trained-on", "value": bundle.trained_on},
            {"name": "euthymia:synthetic", "value": str(bundle.synthetic).lower()},
        ],
    }


def _interval(told: dict[str, Any]) -> dict[str, Any]:
    if told.get("low") is None or told.get("high") is None:
        return {}
    bounds = {"lowerBound": str(told["low"]), "upperBound": str(told["high"])}
    return {"confidenceInterval": bounds}
