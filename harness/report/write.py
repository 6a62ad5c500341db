"""Writes a report's files: report.html, report.json, summary.md, and no secret in any."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.redact import redact
from harness.report.numbers import collect_numbers
from harness.report.page import render
from harness.report.records import Session
from harness.report.summary import summarize
from harness.report.texts import redact_all

HTML = "report.html"


def write_report(session: Session, folder: Path) -> Path:
    """Write the three files below `folder`, and return the HTML file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(
        json.dumps(redact_all(collect_numbers(session)), indent=1) + "\n", encoding="utf-8"
    )
    (folder / "summary.md").write_text(summarize(session), encoding="utf-8")
    page = folder / HTML
    page.write_text(render(session), encoding="utf-8")
    return page


def redact_junit(file: Path) -> None:
    """Redact the texts and attributes of pytest's JUnit file, and leave its markup alone."""
    tree = ET.parse(file)  # noqa: S314 - pytest wrote it a moment ago
    for element in tree.iter():
        element.text = redact(element.text) if element.text else None
        for name, value in element.attrib.items():
            element.set(name, redact(value))
    tree.write(file, encoding="utf-8", xml_declaration=True)
