"""The official SHACL shapes, run offline and without inference."""

import os
from functools import lru_cache
from pathlib import Path

import pyshacl
from rdflib import Graph
from rdflib.namespace import SH

FILES = {
    "dcat-ap": ["dcat-ap-3.0.1/shapes.ttl", "dcat-ap-3.0.1/range.ttl"],
    "breg": ["bregdcat-ap-2.1.0/BRegDCAT-AP_shacl_shapes_2.1.0.ttl"],
    "recommended": ["dcat-ap-3.0.1/shapes_recommended.ttl"],
}


def folder() -> Path:
    """Those beside this file, or newer ones to be tried."""
    return Path(os.environ.get("NDC_STANDARDS_DIR") or Path(__file__).parent / "standards")


@lru_cache
def _shapes(file: str) -> Graph:
    return Graph().parse(folder() / file, format="turtle")


def results(graph: Graph, profile: str) -> list[tuple[str, str, str]]:
    """Severity, thing and path of all that the shapes of a profile find. Each file alone: their shapes share names."""
    found = []
    for file in FILES[profile]:
        _conforms, report, _text = pyshacl.validate(
            graph, shacl_graph=_shapes(file), inference="none", advanced=False, meta_shacl=False, allow_warnings=True
        )
        for result in report.subjects(SH.resultSeverity):
            severity = report.value(result, SH.resultSeverity).fragment
            found.append((severity, str(report.value(result, SH.focusNode)), str(report.value(result, SH.resultPath))))
    return sorted(found)


def violations(graph: Graph, profile: str) -> list[tuple[str, str, str]]:
    return [result for result in results(graph, profile) if result[0] == "Violation"]
