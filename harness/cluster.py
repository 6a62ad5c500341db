"""The kind cluster of an environment: made, waited for, and brought back."""

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import labels
from harness.command import CommandError
from harness.errors import UsageError, Verb
from harness.host import ports
from harness.images.context import package_folder
from harness.images.imageset import REPOSITORY, ImageSet
from harness.images.load import CTR, full_name, import_images
from harness.images.store import Store
from harness.nodes import cluster_name, control_plane, list_nodes, remove_cluster, wake_nodes
from harness.pins import Pins
from harness.settings import Settings
from harness.steps import Say
from harness.tools.docker import Docker
from harness.tools.k8s import Kubernetes, is_ready
from harness.tools.k8s_connection import KubernetesError
from harness.tools.kind import Kind
from harness.waiting import CLOCK, Clock, NotYet, not_yet, wait_until

# The node's own kubectl, with the administrator's rights; both are in every kind node.
DNS_SERVICE = "10.96.0.10"  # the tenth address of kubeadm's default service range
READY_S = 240
SYSTEM_NAMESPACES = ("kube-system", "local-path-storage")
LOGS_IN_NODE = "/var/lib/harness/logs"
# Written into the control plane's node when the cluster is whole: a creation that was killed leaves none.
MARK = "/kind/harness-created"
# With one control plane nobody competes for the lead, and at the start the first try for it fails.
NO_ELECTION = '{name: leader-elect, value: "false"}'
# A lost node must be known before Airflow retries its tasks (30 s), not after 50 s: it would be given the new pod, too.
CONTROL_PLANE = (
    f"controllerManager: {{extraArgs: [{{name: node-monitor-grace-period, value: 20s}}, {NO_ELECTION}]}}\n"
    f"scheduler: {{extraArgs: [{NO_ELECTION}]}}"
)
# A mounted Secret is as new as its pod's last sync, which is at most half as long again ago; the default is 60 s.
KUBELET = "kind: KubeletConfiguration\nfailCgroupV1: false\nnodeLeaseDurationSeconds: 20\nsyncFrequency: 20s\n"


@dataclass(frozen=True)
class Cluster:
    """One environment's cluster; `store` is None where nodes cannot mount this host's folders.

    `open_kubernetes` returns a client of it, which there can be from the end of its creation on.
    """

    settings: Settings
    docker: Docker
    kind: Kind
    pins: Pins
    images: ImageSet
    store: Store | None
    open_kubernetes: Callable[[], Kubernetes]
    clock: Clock = CLOCK

    @property
    def name(self) -> str:
        """Return the cluster's name, which is its Docker network's too."""
        return cluster_name(self.settings)

    @property
    def node_names(self) -> list[str]:
        """Return the nodes' names as kind gives them."""
        workers = [
            f"{self.name}-worker{number if number > 1 else ''}" for number in range(1, self.settings.workers + 1)
        ]
        return [control_plane(self.settings), *workers]

    def nodes(self) -> dict[str, str]:
        """Return node name -> container state, of the nodes that are there."""
        return list_nodes(self.docker, self.settings)

    def is_whole(self) -> bool:
        """Tell whether a creation came to its end and all nodes run; says nothing of what runs on them."""
        nodes = self.nodes()
        return (
            set(nodes) == set(self.node_names)
            and set(nodes.values()) == {"running"}
            and self.settings.kubeconfig.exists()
            and self._is_marked()
        )

    def check_same(self) -> None:
        """Raise UsageError when the cluster that is there was made with other settings or another node image."""
        nodes = self.nodes()
        if not nodes or control_plane(self.settings) not in nodes:
            return
        inspected = self.docker.inspect(control_plane(self.settings))
        bindings = inspected["HostConfig"]["PortBindings"].get(f"{self.settings.node_port}/tcp") or [{}]
        differences = [
            f"{what}: {seen} there, {wanted} wanted"
            for what, seen, wanted in (
                ("nodes", len(nodes), len(self.node_names)),
                ("node image", inspected["Config"]["Image"], self.images.node),
                ("port", bindings[0].get("HostPort"), str(self.settings.airflow_port)),
            )
            if seen != wanted
        ]
        if differences:
            raise UsageError(
                f"cluster {self.name} was made differently ({'; '.join(differences)})",
                next_step=(
                    Verb("down", "and then `up` make it anew"),
                    "its Airflow history goes, unless you `backup` before and `restore` after",
                ),
            )

    def ensure(self, say: Say) -> None:
        """Start the nodes of a whole cluster that stand still; else make the cluster, over the remains of one."""
        nodes = self.nodes()
        if set(nodes) == set(self.node_names) and self.settings.kubeconfig.exists():
            wake_nodes(self.docker, self.settings, say)
            if self._is_marked():
                return
        if nodes:
            say("removing what an interrupted creation left")
            self.delete()
        self._create(say)

    def _is_marked(self) -> bool:
        try:
            self.docker.exec(control_plane(self.settings), "test", "-e", MARK)
        except CommandError:
            return False
        return True

    def _create(self, say: Say) -> None:
        ports.check_free(self.settings.airflow_port)
        self.settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        logs = self._logs_folder
        logs.mkdir(exist_ok=True)
        logs.chmod(0o777)  # Airflow's containers write as uid 50000; the folder above is ours alone
        if not self.docker.list_networks(self.name):
            self.docker.call("network", "create", *labels.docker_flags(self.settings.name), self.name)
        if self._shared:
            for node in self.node_names:
                self._shared.clone(self._store_folder(node))
        say(f"kind creates {len(self.node_names)} node(s)")
        self.kind.create(self.config(), kubeconfig=self.settings.kubeconfig, network=self.name, say=say)
        for node in self.node_names:
            # kind's own policy gives up after one failed start, for example of an engine that starts in disorder.
            self.docker.call("update", "--restart=unless-stopped", node)
        self.docker.exec(control_plane(self.settings), "touch", MARK)

    @property
    def _shared(self) -> Store | None:
        return self.store if self.store and self.store.is_filled else None

    def config(self) -> dict[str, object]:
        """Return kind's configuration (kind.x-k8s.io/v1alpha4)."""
        nodes: list[dict[str, Any]] = []
        for node in self.node_names:
            mounts = [{"hostPath": str(self._logs_folder), "containerPath": LOGS_IN_NODE}]
            if self._shared:
                mounts.append({"hostPath": str(self._store_folder(node)), "containerPath": "/var/lib/containerd"})
            role = "worker" if "-worker" in node.removeprefix(self.name) else "control-plane"
            nodes.append({"role": role, "image": self.images.node, "extraMounts": mounts})
        port = {"containerPort": self.settings.node_port, "hostPort": self.settings.airflow_port}
        nodes[0]["extraPortMappings"] = [{**port, "listenAddress": "127.0.0.1"}]
        patches = [KUBELET, f"kind: ClusterConfiguration\n{CONTROL_PLANE}\n"]
        if self.images.system:
            patches.append(
                "kind: ClusterConfiguration\n"
                f"imageRepository: {REPOSITORY}\n"
                f'etcd: {{local: {{imageTag: "{self.pins.versions.etcd}"}}}}\n'
                f'dns: {{imageTag: "{self.pins.versions.coredns}"}}\n'
            )
        return {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "name": self.name,
            "networking": {"apiServerAddress": "127.0.0.1"},
            "nodes": nodes,
            "kubeadmConfigPatches": patches,
        }

    def missing_images(self) -> list[tuple[str, str]]:
        """Return (node, image) for each of our images that a node does not hold."""
        held = {node: set(self.docker.exec(node, *CTR, "images", "ls", "--quiet").split()) for node in self.node_names}
        return [
            (node, image)
            for node in self.node_names
            for image in self.images.release
            if full_name(image) not in held[node]
        ]

    def load_images(self, say: Say) -> None:
        """Copy into the nodes what they miss: all where no store is mounted, else what was built since."""
        missing = self.missing_images()
        for node in dict.fromkeys(node for node, _ in missing):
            images = [image for other, image in missing if other == node]
            say(f"loading {', '.join(images)} into {node}")
            self.load(node, *images, say=say)

    def load(self, node: str, *images: str, say: Say = str) -> None:
        """Copy images of the engine into a node."""
        plugins = tomllib.loads(self.docker.exec(node, "containerd", "config", "dump")).get("plugins", {})
        # kind chooses another snapshotter than ctr's default on some file systems of the host.
        snapshotter = plugins.get("io.containerd.cri.v1.images", {}).get("snapshotter", "")
        import_images(self.docker, images, node, say, snapshotter=snapshotter)

    def wait_until_it_answers(self, say: Say) -> None:
        """Wait until the API server answers: from then on it takes objects, and their pods wait for the nodes."""

        def probe() -> bool | NotYet:
            try:
                self.open_kubernetes().list("Node")
            except KubernetesError as error:
                return NotYet(str(error).splitlines()[0])
            return True

        what = f"the API server of cluster {self.name}"
        wait_until(what, probe, timeout_s=READY_S, on_change=say, party="cluster", clock=self.clock)

    def wait_until_ready(self, say: Say) -> None:
        """Wait until every node is Ready, every system pod is ready and DNS answers."""
        wait_until(
            f"cluster {self.name}",
            self._probe,
            timeout_s=READY_S,
            on_change=say,
            next_step=(Verb("kubectl -- get pods -A", "shows all pods"), Verb("down", "and then `up` make it anew")),
            party="cluster",
            clock=self.clock,
        )

    def list_problems(self) -> list[str]:
        """Return what is not ready, a line for each; none when the cluster is ready."""
        try:
            return list(self._not_ready())
        except (KubernetesError, CommandError) as error:
            return [str(error).splitlines()[0]]

    def _probe(self) -> bool | NotYet:
        problems = self.list_problems()
        return not_yet(problems) if problems else True

    def _not_ready(self) -> Iterator[str]:
        kubernetes = self.open_kubernetes()
        nodes = kubernetes.list("Node")
        if len(nodes) < len(self.node_names):
            yield f"{len(nodes)} of {len(self.node_names)} nodes joined"
        yield from (f"node {node['metadata']['name']} not Ready" for node in nodes if not is_ready(node))
        pods = [pod for namespace in SYSTEM_NAMESPACES for pod in kubernetes.list("Pod", namespace)]
        if not pods:
            yield "no system pods"
        waiting = [pod["metadata"]["name"] for pod in pods if not is_ready(pod)]
        yield from (f"pod {name} not ready" for name in waiting)
        if not waiting and not self.resolves("kubernetes.default.svc.cluster.local"):
            yield "cluster DNS does not answer"

    def resolves(self, host: str) -> bool:
        """Tell whether the cluster's DNS service answers for `host`, asked from the control plane's node."""
        script = (package_folder("scripts") / "resolve").read_text()
        try:
            self.docker.exec(control_plane(self.settings), "bash", "-s", DNS_SERVICE, host, stdin=script)
        except CommandError:
            return False
        return True

    def delete(self) -> None:
        """Remove the nodes with their volumes, the network and this environment's folder; what is gone is fine."""
        remove_cluster(self.docker, self.settings)

    @property
    def _logs_folder(self) -> Path:
        return self.settings.folder / "logs"

    def _store_folder(self, node: str) -> Path:
        return self.settings.folder / "nodes" / node
