"""The labels by which everything that the harness makes is found again."""

MANAGED_BY = "app.kubernetes.io/managed-by"
ENVIRONMENT = "harness.dev/environment"
COMPONENT = "app.kubernetes.io/component"


def kubernetes_labels(environment: str) -> dict[str, str]:
    """Return the labels of a Kubernetes object of ours."""
    return {MANAGED_BY: "harness", ENVIRONMENT: environment, "app.kubernetes.io/part-of": "tools"}


def docker_flags(environment: str) -> list[str]:
    """Return the flags that label a Docker object of ours."""
    return [f"--label={MANAGED_BY}=harness", f"--label={ENVIRONMENT}={environment}"]
