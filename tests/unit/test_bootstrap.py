"""The script that makes .venv, with stand-ins for Python and uv."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

SCRIPT = Path(__file__).parents[2] / "bootstrap"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a checkout whose uv tells the index that it was given."""
    shutil.copy(SCRIPT, tmp_path)
    stand_ins = {
        "bin/python3": "exit 0",
        "bin/uname": 'case $1 in -s) echo "${SYSTEM:-Linux}";; -m) echo x86_64;; esac',
        ".venv/bin/python": 'echo "$OF_PIP_S_FILES"',
        ".venv/bin/uv": 'echo "${UV_DEFAULT_INDEX:-none}" > index',
    }
    for name, text in stand_ins.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
    return tmp_path


def run(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(folder / "bin"), "/usr/bin", "/bin"])
    return subprocess.run(
        ["/bin/sh", "bootstrap"], cwd=folder, env={"PATH": path, **environ}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("environ", "index"),
    [
        ({}, "none"),
        ({"OF_PIP_S_FILES": "https://file.test"}, "https://file.test"),
        ({"OF_PIP_S_FILES": "https://file.test", "PIP_INDEX_URL": "https://pip.test"}, "https://pip.test"),
        ({"PIP_INDEX_URL": "https://pip.test", "UV_DEFAULT_INDEX": "https://uv.test"}, "https://uv.test"),
        ({"PIP_INDEX_URL": "https://pip.test", "UV_INDEX_URL": "https://uv.test"}, "none"),
    ],
)
def test_uv_gets_the_index_of_pip(folder: Path, environ: dict[str, str], index: str) -> None:
    assert run(folder, **environ).returncode == 0
    assert (folder / "index").read_text().strip() == index
    assert (folder / ".venv/ready").exists()


def test_mac_with_an_intel_processor_is_refused_in_words(folder: Path) -> None:
    result = run(folder, SYSTEM="Darwin")
    assert result.returncode == 2
    assert "Macs with an Intel processor are not supported" in result.stderr
    assert not (folder / "index").exists()
