"""What the triggerer calls when a run misses its deadline."""

import asyncio
import importlib
import logging
from pathlib import Path

import pytest

PYTHON = Path(__file__).parents[2] / "helm" / "tools" / "files" / "python"


def test_late_run_is_logged_as_an_error(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.syspath_prepend(PYTHON)
    callbacks = importlib.import_module("deadline_callbacks")
    run = {"dag_run_id": "scheduled__1", "dag_id": "call_api", "state": "running"}
    line = asyncio.run(callbacks.report_missed(context={"dag_run": run, "deadline": {}}))
    assert line == "deadline missed: run scheduled__1 of DAG call_api, which is running"
    assert caplog.record_tuples == [("deadline_callbacks", logging.ERROR, line)]
