"""The bundle with versions and its policy, as Airflow calls them, against an API server that is a dict."""

from __future__ import annotations

import base64
import importlib
import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.bundles import base
from airflow.exceptions import AirflowException
from kubernetes import client  # type: ignore[import-untyped] # it ships no types

from harness.delivery.pack import Package
from harness.delivery.shards import cut

PYTHON = Path(__file__).parents[2] / "helm" / "tools" / "files" / "python"
OLD = Package({"a.py": b"x = 1\n", "etl/b.py": b"x = 1\n"})
NEW = Package({"a.py": b"x = 2\n"})
BUNDLES = [
    {"name": "dags", "classpath": "configmap_dag_bundle.ConfigMapDagBundle", "kwargs": {"config_map": "airflow-dags"}},
    {"name": "plain", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {"path": "/x"}},
]


class FakeApi:
    """Holds ConfigMaps by name; `asked` is what was read."""

    def __init__(self) -> None:
        self.config_maps: dict[str, client.V1ConfigMap] = {}
        self.asked: list[str] = []

    def read_namespaced_config_map(self, name: str, namespace: str) -> client.V1ConfigMap:
        assert namespace == "tools"
        self.asked.append(name)
        if name not in self.config_maps:
            raise client.ApiException(status=404)
        return self.config_maps[name]

    def put(self, name: str, data: dict[str, str], binary: dict[str, bytes] | None = None) -> None:
        encoded = {key: base64.b64encode(content).decode() for key, content in (binary or {}).items()}
        self.config_maps[name] = client.V1ConfigMap(data=data, binary_data=encoded)

    def publish(self, package: Package) -> None:
        """Write what the harness writes."""
        shards = cut(package)
        for shard in shards:
            self.put(f"airflow-dags-s-{shard.digest}", {}, {f"{shard.digest}.tar.gz": shard.pack()})
        data = {"version": package.version, "shards": "\n".join(shard.digest for shard in shards)}
        self.put(f"airflow-dags-v-{package.version}", data)
        self.put("airflow-dags", {"version": package.version})


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """Import the chart's modules anew, in a pod's surroundings below `tmp_path`."""
    monkeypatch.syspath_prepend(str(PYTHON))
    monkeypatch.setattr(base, "get_bundle_storage_root_path", lambda: tmp_path / "bundles")
    names = ("dag_versions", "configmap_dag_bundle", "configmap_dag_mounts")
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = SimpleNamespace(**{name: importlib.import_module(name) for name in names})
    found.api = FakeApi()
    (tmp_path / "namespace").write_text("tools")
    monkeypatch.setattr(found.dag_versions, "MOUNTS", tmp_path / "mounts")
    monkeypatch.setattr(found.configmap_dag_bundle, "NAMESPACE_FILE", tmp_path / "namespace")
    monkeypatch.setattr(found.configmap_dag_mounts, "NAMESPACE_FILE", tmp_path / "namespace")
    monkeypatch.setattr(found.configmap_dag_bundle.ConfigMapDagBundle, "_api", found.api)
    monkeypatch.setattr(found.configmap_dag_mounts, "_api", lambda: found.api)
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(BUNDLES))
    return found


def bundle_of(modules: SimpleNamespace, version: str | None = None) -> Any:
    return modules.configmap_dag_bundle.ConfigMapDagBundle(name="dags", config_map="airflow-dags", version=version)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_processor_follows_the_pointer_to_another_folder(modules: SimpleNamespace) -> None:
    modules.api.publish(OLD)
    bundle = bundle_of(modules)
    bundle.initialize()
    before = bundle.path
    assert bundle.get_current_version().version == OLD.version
    assert files(before) == OLD.files

    modules.api.publish(NEW)
    bundle.refresh()
    assert bundle.get_current_version().version == NEW.version
    assert files(bundle.path) == NEW.files
    assert files(before) == OLD.files  # for who still parses it


def test_a_look_at_an_unchanged_pointer_is_one_request(modules: SimpleNamespace) -> None:
    modules.api.publish(OLD)
    bundle = bundle_of(modules)
    bundle.initialize()
    modules.api.asked.clear()
    bundle.refresh()
    assert modules.api.asked == ["airflow-dags"]


def test_only_shards_that_are_new_are_fetched(modules: SimpleNamespace) -> None:
    large = {f"mod_{number}.py": b"#" * 20_000 for number in range(100)}
    modules.api.publish(Package(large))
    bundle = bundle_of(modules)
    bundle.initialize()
    modules.api.asked.clear()
    modules.api.publish(Package({**large, "mod_0.py": b"x = 1\n"}))
    bundle.refresh()
    assert len([name for name in modules.api.asked if "-s-" in name]) == 1


def test_files_of_a_version_that_is_current_again_are_news(modules: SimpleNamespace) -> None:
    modules.api.publish(OLD)
    bundle = bundle_of(modules)
    bundle.initialize()
    made = (bundle.path / "a.py").stat().st_mtime_ns
    modules.api.publish(NEW)
    bundle.refresh()
    modules.api.publish(OLD)
    bundle.refresh()
    assert (bundle.path / "a.py").stat().st_mtime_ns > made


def test_what_changed_is_newest_so_airflow_parses_it_first(modules: SimpleNamespace) -> None:
    modules.api.publish(OLD)
    bundle = bundle_of(modules)
    bundle.initialize()
    modules.api.publish(Package({**OLD.files, "etl/b.py": b"x = 2\n", "new.py": b"x = 1\n"}))
    bundle.refresh()
    times = {name: (bundle.path / name).stat().st_mtime for name in ("a.py", "etl/b.py", "new.py")}
    assert times["etl/b.py"] == times["new.py"] > times["a.py"] > time.time() - 5


def test_old_folders_go_but_for_the_last(modules: SimpleNamespace) -> None:
    bundle = bundle_of(modules)
    for number in range(6):
        modules.api.publish(Package({"a.py": f"x = {number}\n".encode()}))
        bundle.initialize()
    assert len(list(bundle.versions_dir.iterdir())) == modules.dag_versions.TREES_KEPT


def test_no_pointer_is_an_empty_bundle(modules: SimpleNamespace) -> None:
    bundle = bundle_of(modules)
    bundle.initialize()
    assert bundle.get_current_version() is None
    assert files(bundle.path) == {}


def test_plain_files_in_place_of_a_pointer_are_told(modules: SimpleNamespace) -> None:
    modules.api.put("airflow-dags", {"a.py": "x = 1"})
    with pytest.raises(AirflowException, match="has no key `version`: it holds files, not a pointer"):
        bundle_of(modules).initialize()


def test_a_callback_gets_the_version_of_its_run(modules: SimpleNamespace) -> None:
    modules.api.publish(OLD)
    modules.api.publish(NEW)
    bundle = bundle_of(modules, OLD.version)
    bundle.initialize()
    assert files(bundle.path) == OLD.files
    with pytest.raises(AirflowException, match="cannot be refreshed"):
        bundle.refresh()


def test_a_version_that_was_collected_is_told(modules: SimpleNamespace) -> None:
    with pytest.raises(AirflowException, match=r"airflow-dags-v-gone of DAG bundle dags is not there"):
        bundle_of(modules, "gone").initialize()


def worker_pod(bundle: dict[str, Any] | None) -> client.V1Pod:
    """Return a pod as the executor is about to create it, or with no workload another one."""
    workload = json.dumps({"token": "x", "bundle_info": bundle})
    args = ["python", "-m", "airflow.sdk.execution_time.execute_workload", "--json-string", workload]
    container = client.V1Container(name="base", args=args if bundle else ["sleep", "1"])
    return client.V1Pod(spec=client.V1PodSpec(containers=[container]))


def test_worker_gets_its_run_s_version_mounted_and_asks_nobody(modules: SimpleNamespace, tmp_path: Path) -> None:
    modules.api.publish(OLD)
    modules.api.publish(NEW)
    pod = worker_pod({"name": "dags", "version": OLD.version})
    modules.configmap_dag_mounts.pod_mutation_hook(pod)
    (mount,) = pod.spec.containers[0].volume_mounts
    assert mount.mount_path == str(tmp_path / "mounts" / "dags")
    assert mount.read_only

    mounted = Path(mount.mount_path)
    mounted.mkdir(parents=True)
    for source in pod.spec.volumes[0].projected.sources:  # what the kubelet does
        config_map = modules.api.config_maps[source.config_map.name]
        for key, text in (config_map.data or {}).items():
            (mounted / key).write_text(text)
        for key, content in (config_map.binary_data or {}).items():
            (mounted / key).write_bytes(base64.b64decode(content))

    modules.api.asked.clear()
    bundle = bundle_of(modules, OLD.version)
    bundle.initialize()
    assert files(bundle.path) == OLD.files
    without_version = bundle_of(modules)
    without_version.initialize()
    assert files(without_version.path) == OLD.files
    assert modules.api.asked == []


def test_a_run_without_a_version_gets_the_current_one(modules: SimpleNamespace) -> None:
    modules.api.publish(OLD)
    modules.api.publish(NEW)
    pod = worker_pod({"name": "dags", "version": None})
    modules.configmap_dag_mounts.pod_mutation_hook(pod)
    assert pod.spec.volumes[0].projected.sources[0].config_map.name == f"airflow-dags-v-{NEW.version}"


def test_what_a_version_is_made_of_is_asked_for_once(modules: SimpleNamespace) -> None:
    modules.api.publish(OLD)
    for _ in range(3):
        modules.configmap_dag_mounts.pod_mutation_hook(worker_pod({"name": "dags", "version": OLD.version}))
    assert modules.api.asked == [f"airflow-dags-v-{OLD.version}"]


@pytest.mark.parametrize("bundle", [None, {"name": "plain", "version": None}, {"name": "unknown", "version": "1"}])
def test_other_pods_are_left_alone(modules: SimpleNamespace, bundle: dict[str, Any] | None) -> None:
    pod = worker_pod(bundle)
    modules.configmap_dag_mounts.pod_mutation_hook(pod)
    assert pod.spec.volumes is None
    assert modules.api.asked == []


def test_airflow_finds_the_policy_by_its_entry_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As mounted: the metadata in a folder of its own beside the modules."""
    folder = tmp_path / "configmap_dags-1.dist-info"
    folder.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (folder / name).write_text((PYTHON / name).read_text())
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(PYTHON))
    from airflow.settings import get_policy_plugin_manager, load_policy_plugins  # noqa: PLC0415 - with this sys.path

    manager = get_policy_plugin_manager()
    load_policy_plugins(manager)
    plugin = sys.modules["configmap_dag_mounts"]
    try:
        assert plugin in {found.plugin for found in manager.hook.pod_mutation_hook.get_hookimpls()}
    finally:
        manager.unregister(plugin)
