"""The nightly workflow runs what tox has, and nothing that is not there."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def job() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / ".github/workflows/nightly.yml").read_text())
    # YAML 1.1 reads the key `on` as true.
    assert set(document[True]) == {"schedule", "workflow_dispatch"}
    found: dict[str, Any] = document["jobs"]["tox"]
    return found


@pytest.fixture
def tox() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    return parser


def test_every_environment_of_tox_runs(job: dict[str, Any], tox: configparser.ConfigParser) -> None:
    listed = [name.strip() for name in tox["tox"]["env_list"].split(",")]
    assert sorted(job["strategy"]["matrix"]["env"]) == sorted(listed)
    assert job["strategy"]["fail-fast"] is False
    assert all(f"testenv:{name}" in tox for name in listed)


def test_what_it_runs_is_there(job: dict[str, Any], tox: configparser.ConfigParser) -> None:
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert (ROOT / "bootstrap").is_file()
    assert ".venv/bin/tox run -e ${{ matrix.env }}" in commands
    text = "".join(tox[section].get("commands", "") for section in tox.sections())
    named = [ROOT / path for path in re.findall(r"(?:tests|bench)/[\w./]+", text)]
    assert named
    assert [path for path in named if not path.exists()] == []
    folder = tox["testenv:foreign"]["change_dir"]
    assert (ROOT / folder / "pyproject.toml").is_file()


def test_actions_are_pinned_and_reports_kept_in_any_case(job: dict[str, Any]) -> None:
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|[0-9a-f]{40})", one) for one in uses)
    kept = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/upload-artifact"))
    assert kept["if"] == "always()"
    assert job["timeout-minutes"] > 0
    assert "GITHUB_STEP_SUMMARY" in str(job["steps"])
