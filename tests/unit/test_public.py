"""The public face of the package: exactly these names, each there, and a start that stays cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness import faults

NAMES = """AirflowApi AirflowApiError AirflowEnv CommandError DagRun HarnessError Kubernetes KubernetesError NotYet
PodRecorder Run RunDag Runs TaskInstance TaskKey Unreachable UsageError WaitTimeoutError WorkerPod __version__
wait_until"""
FAULTS = """FaultError Faults Injection Nodes Pool add_to_pool cordon_node delete_component delete_pod evict_pod
exhaust_quota find_spare_worker force_delete_pod freeze_api_server hang_container kill_container kill_watcher
list_component_pods list_components_on move_components_away preempt_pod scale_to_zero throttle_account"""
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("module", "names"), [(harness, NAMES), (faults, FAULTS)], ids=["harness", "faults"])
def test_public_names_are_these_and_are_there(module: object, names: str) -> None:
    assert module.__all__ == names.split()  # type: ignore[attr-defined]
    assert all(getattr(module, name) is not None for name in names.split())


def test_public_names_are_those_that_type_checkers_see() -> None:
    typed = next(node for node in ast.parse(Path(harness.__file__).read_text()).body if isinstance(node, ast.If))
    imported = {alias.name for node in ast.walk(typed) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported | {"__version__"} == set(harness.__all__)


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        harness.Nothing  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.processes
def test_import_of_the_package_imports_none_of_its_parts() -> None:
    program = "import sys, harness; print([name for name in sys.modules if name.startswith('harness.')])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def imports_of(file: Path) -> dict[str, set[str]]:
    """Return module -> names, for what a file imports of the package; an `import harness.x` counts as all of `x`."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "harness":
            found.setdefault(node.module or "", set()).update(alias.name for alias in node.names)
        elif isinstance(node, ast.Import):
            found |= {alias.name: {"*"} for alias in node.names if alias.name.partition(".")[0] == "harness"}
    return found


TEST_FILES = [
    file
    for folder in ("tests/e2e", "tests/foreign")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if "dags" not in file.parts and file != ROOT / "tests/e2e/inside.py"
]


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_tests_of_a_cluster_import_public_names_alone(file: Path) -> None:
    allowed = {"harness": set(harness.__all__), "harness.faults": set(faults.__all__)}
    private = {module: names - allowed.get(module, set()) for module, names in imports_of(file).items()}
    assert not {module: names for module, names in private.items() if names}


def test_every_name_of_the_inside_is_used() -> None:
    used = set()
    for file in TEST_FILES:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level and node.module == "inside":
                used |= {alias.name for alias in node.names}
    inside = imports_of(ROOT / "tests/e2e/inside.py")
    assert used == {name for names in inside.values() for name in names}
