"""What the wheel holds: the package, the chart with its values for kind, and nothing else of this repository."""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from support.pages import ROOT

CHART = "harness/helm/tools/"
# Files of the chart's folder that Helm does not read.
NOT_OF_HELM = {"Makefile", "values.md.gotmpl"}


def build(root: Path, folder: Path, *, version: str = "standard") -> Path:
    return Path(next(iter(WheelBuilder(str(root)).build(directory=str(folder), versions=[version]))))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZipFile]:
    with ZipFile(build(ROOT, tmp_path_factory.mktemp("wheel"))) as opened:
        yield opened


def chart_files() -> set[str]:
    folder = ROOT / "helm/tools"
    found = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {str(path) for path in found if path.parts[0] not in {"dags", *NOT_OF_HELM} and path.suffix != ".pyc"}


def test_whole_chart_travels(wheel: ZipFile) -> None:
    names = wheel.namelist()
    assert {name.removeprefix(CHART) for name in names if name.startswith(CHART)} == chart_files()
    assert wheel.read("harness/helm/values/kind.yaml") == (ROOT / "helm/values/kind.yaml").read_bytes()


def test_no_dag_but_that_of_a_new_project_travels(wheel: ZipFile) -> None:
    dags = [name for name in wheel.namelist() if b"from airflow.sdk import dag" in wheel.read(name)]
    assert dags == ["harness/starter/files/hello.py"]


def test_all_is_below_the_package(wheel: ZipFile) -> None:
    outside = {name.split("/")[0] for name in wheel.namelist()} - {"harness"}
    assert [name.endswith(".dist-info") for name in outside] == [True]


def test_each_file_of_the_package_travels(wheel: ZipFile) -> None:
    package = {str(path.relative_to(ROOT)) for path in (ROOT / "harness").rglob("*") if path.is_file()}
    assert {name for name in package if "__pycache__" not in name} <= set(wheel.namelist())


def test_wheel_of_a_source_distribution_is_the_same(wheel: ZipFile, tmp_path: Path) -> None:
    packed = next(iter(SdistBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])))
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    with ZipFile(build(source, tmp_path / "wheel")) as other:
        assert sorted(other.namelist()) == sorted(wheel.namelist())


def test_editable_wheel_leaves_the_chart_where_it_is(tmp_path: Path) -> None:
    with ZipFile(build(ROOT, tmp_path, version="editable")) as opened:
        assert [name for name in opened.namelist() if name.startswith("harness/")] == []
