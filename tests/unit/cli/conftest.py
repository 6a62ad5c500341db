"""A project of its own for each call."""

from pathlib import Path

import pytest

from harness.environment import Environment


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text("[tool.harness]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(Environment, "check_exists", lambda _: None)
    monkeypatch.setattr(Environment, "check_runs", lambda _: None)
    return tmp_path
