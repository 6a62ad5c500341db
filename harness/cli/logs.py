"""`harness logs`."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from harness.cli.options import open_environment
from harness.cli.output import out, say
from harness.errors import HarnessError, UsageError, Verb
from harness.excerpt import cut_line
from harness.redact import redact


def logs(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="A component (scheduler, api-server, ...) or a pod.")] = "",
    tail: Annotated[int, typer.Option(min=1, help="Lines of each container.")] = 100,
) -> None:
    """Print the logs of all components, of one, or of a pod; secrets are masked."""
    environment = open_environment(context)
    environment.check_runs()
    kubernetes, namespace = environment.parts.kubernetes, environment.settings.namespace
    label = environment.settings.component_label
    pods = [pod for pod in kubernetes.list("Pod", namespace) if what in {"", *_names(pod, label)}]
    if not pods:
        raise UsageError(f"no pod or component `{what}` in {namespace}", next_step=Verb("kubectl -- get pods -A"))
    for pod in pods:
        name = pod["metadata"]["name"]
        for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
            out.rule(f"{name} {container['name']}", align="left")
            try:
                text = kubernetes.pod_log(name, namespace, container=container["name"], tail_lines=tail)
            except HarnessError as error:
                text = str(error)
            say(out, "\n".join(map(cut_line, redact(text).split("\n"))))


def _names(pod: dict[str, Any], label: str) -> Iterator[str]:
    """Yield what a person may call a pod."""
    yield pod["metadata"]["name"]
    yield pod["metadata"].get("labels", {}).get(label, "")
