"""kube-router on an environment's node for a while: it enforces NetworkPolicies, where the node's network may not.

Of kube-router only the firewall runs: the user's guide of https://github.com/cloudnativelabs/kube-router.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness import AirflowEnv, NotYet, wait_until

from .inside import GoCommand, Json, build_context, build_secrets, hash_of, is_ready, name_image

FOLDER = Path(__file__).parent / "kube_router"
ROUTER = GoCommand("kube-router", FOLDER / "go", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router")
NAME, NAMESPACE = "e2e-kube-router", "kube-system"
HEALTH_PORT = 20244
FLAGS = (
    *("--run-firewall=true", "--run-router=false", "--run-service-proxy=false", "--enable-cni=false"),
    *("--kubeconfig=/admin.conf", f"--health-port={HEALTH_PORT}"),
)
CLEAN = "iptables-save --table filter | grep -vE 'KUBE-(ROUTER|POD-FW|NWPLCY)' | iptables-restore --table filter"


@contextmanager
def enforcing(env: AirflowEnv) -> Iterator[None]:
    """Enforce the NetworkPolicies of an environment with one node, and take every rule away afterwards."""
    env.kubernetes.apply(_pod(env, _image(env)))
    try:
        wait_until("kube-router", lambda: _serves(env), timeout_s=90)
        yield
    finally:
        env.kubernetes.delete("Pod", NAME, NAMESPACE)
        wait_until("the end of kube-router", lambda: _is_gone(env), timeout_s=60)
        env.docker.exec(env.control_plane, "sh", "-c", CLEAN)


def _image(env: AirflowEnv) -> str:
    recipes, cluster = env.environment.parts.recipes, env.environment.parts.cluster
    image = name_image("kube-router", hash_of(recipes.base, ROUTER.digest, (FOLDER / "Dockerfile").read_text()))
    if not recipes.docker.has_images(image):
        binaries = {ROUTER.name: env.environment.parts.go.ensure(ROUTER)}
        with build_context(FOLDER, binaries) as context, build_secrets() as secrets:
            recipes.docker.build(context, image, args={"BASE": recipes.base}, secrets=secrets)
    cluster.load(env.control_plane, image)
    return image


def _pod(env: AirflowEnv, image: str) -> Json:
    node = env.control_plane
    container = {
        "name": "kube-router",
        "image": image,
        "imagePullPolicy": "Never",
        "args": [*FLAGS, f"--hostname-override={node}"],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": HEALTH_PORT}, "periodSeconds": 1},
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}},
        "securityContext": {"privileged": True},
        "volumeMounts": [{"name": "login", "mountPath": "/admin.conf", "readOnly": True}],
    }
    spec = {
        "hostNetwork": True,
        "nodeName": node,
        "tolerations": [{"operator": "Exists"}],
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": [{"name": "login", "hostPath": {"path": "/etc/kubernetes/admin.conf", "type": "File"}}],
    }
    metadata = {"name": NAME, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _serves(env: AirflowEnv) -> bool | NotYet:
    pod = env.kubernetes.get("Pod", NAME, NAMESPACE)
    return True if pod and is_ready(pod) else NotYet(str(pod and pod["status"].get("containerStatuses")))


def _is_gone(env: AirflowEnv) -> bool | NotYet:
    return NotYet("it is there") if env.kubernetes.get("Pod", NAME, NAMESPACE) else True
