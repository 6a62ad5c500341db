"""The files of a report."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

from harness.redact import remember_secrets
from harness.report.write import redact_junit, write_report

from .samples import failed_case, run_of, session_of


def test_writes_three_files_without_secrets(tmp_path: Path) -> None:
    remember_secrets(["the-password"])
    session = session_of(failed_case(text="the-password", reason="the-password"), runs=(run_of("a"),))
    page = write_report(session, tmp_path / "new" / "report")
    assert page.name == "report.html"
    assert sorted(file.name for file in page.parent.iterdir()) == ["report.html", "report.json", "summary.md"]
    assert json.loads((page.parent / "report.json").read_text())["tests"][0]["reason"] == "***"
    assert not any("the-password" in file.read_text() for file in page.parent.iterdir())


def test_junit_stays_xml(tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    file.write_text(
        '<testsuites><testcase name="x[password=abc]"><failure message="token=abc">password: abc</failure></testcase>'
        '<testcase name="é"/></testsuites>',
        encoding="utf-8",
    )
    redact_junit(file)
    first, second = ET.parse(file).getroot()  # noqa: S314 - our own
    assert first.get("name") == "x[password=***"
    assert (first[0].get("message"), first[0].text, second.get("name")) == ("token=***", "password: ***", "é")
