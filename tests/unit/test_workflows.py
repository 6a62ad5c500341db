"""The workflows run what tox and make have, on the machines that people have, by actions that cannot be changed."""

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
PIN = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def read(name: str) -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text())
    return document


@pytest.fixture
def steps() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read("tox.yml")["jobs"]["tox"]["steps"]
    return found


@pytest.fixture
def tox() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    return parser


def test_every_environment_of_tox_runs_at_night(tox: configparser.ConfigParser) -> None:
    document = read("nightly.yml")
    # YAML 1.1 reads the key `on` as true.
    assert set(document[True]) == {"schedule", "workflow_dispatch"}
    strategy = document["jobs"]["tox"]["strategy"]
    listed = [name.strip() for name in tox["tox"]["env_list"].split(",")]
    assert sorted(strategy["matrix"]["env"]) == sorted(listed)
    assert strategy["fail-fast"] is False
    assert all(f"testenv:{name}" in tox for name in listed)


def test_nights_have_another_architecture_and_another_store() -> None:
    others = read("nightly.yml")["jobs"]["tox"]["strategy"]["matrix"]["include"]
    assert {"env": "e2e", "runner": "ubuntu-24.04-arm", "store": "installed"} in others
    assert {"env": "e2e", "runner": "ubuntu-24.04", "store": "containerd"} in others


def test_pull_request_runs_what_make_test_runs() -> None:
    document = read("test.yml")
    assert "pull_request" in document[True]
    recipe = re.search(r"^test: .*\n\t@\$\(tox\) (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe
    assert document["jobs"]["tox"]["strategy"]["matrix"]["env"] == recipe[1].split(",")


def test_pull_request_uses_the_wheel_in_an_empty_environment() -> None:
    texts = [step.get("run", "") for step in read("test.yml")["jobs"]["wheel"]["steps"]]
    order = ["pip wheel", "-m venv", "dist/*.whl", "harness init", "harness up", "harness down"]
    places = ["\n".join(texts).index(words) for words in order]
    assert places == sorted(places)


def test_what_tox_runs_is_there(steps: list[dict[str, Any]], tox: configparser.ConfigParser) -> None:
    commands = [step["run"] for step in steps if "run" in step]
    assert (ROOT / "bootstrap").is_file()
    assert ".venv/bin/tox run -e ${{ inputs.env }}" in commands
    text = "\n".join(tox[section].get("commands", "") for section in tox.sections())
    named = [ROOT / path for path in re.findall(r"(?:tests|bench|\.github)/[\w./]+", text)]
    assert named
    assert [path for path in named if not path.exists()] == []
    folder = tox["testenv:foreign"]["change_dir"]
    assert (ROOT / folder / "pyproject.toml").is_file()


def test_both_workflows_call_the_one_that_runs_tox() -> None:
    for name in ("nightly.yml", "test.yml"):
        job = read(name)["jobs"]["tox"]
        assert ROOT / job["uses"] == (FOLDER / "tox.yml")
        assert set(job["with"]) <= set(read("tox.yml")[True]["workflow_call"]["inputs"])


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yml")), ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_may_only_read(path: Path) -> None:
    text = path.read_text()
    uses = [line.strip(" -") for line in text.splitlines() if "uses:" in line and "./.github" not in line]
    assert [line for line in uses if not PIN.fullmatch(line)] == []
    assert read(path.name)["permissions"] == {"contents": "read"}


def test_reports_are_kept_in_any_case_and_time_is_limited(steps: list[dict[str, Any]]) -> None:
    kept = next(step for step in steps if step.get("uses", "").startswith("actions/upload-artifact"))
    assert kept["if"] == "always()"
    jobs = [job for path in FOLDER.glob("*.yml") for job in read(path.name)["jobs"].values() if "steps" in job]
    assert all(job["timeout-minutes"] > 0 for job in jobs)
    assert "GITHUB_STEP_SUMMARY" in str(steps)


def test_cache_has_the_pins_in_its_key(steps: list[dict[str, Any]]) -> None:
    key = next(step["with"]["key"] for step in steps if step.get("uses", "").startswith("actions/cache"))
    for path in ("harness/pins.toml", "harness/images/**", "**/go.sum"):
        assert f"'{path}'" in key
