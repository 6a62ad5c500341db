"""Labels: the two ways in which ours are marked say the same."""

from harness.labels import docker_flags, kubernetes_labels


def test_docker_and_kubernetes_objects_carry_the_same_marks() -> None:
    marks = kubernetes_labels("ci")
    assert marks["app.kubernetes.io/managed-by"] == "harness"
    assert marks["harness.dev/environment"] == "ci"
    for flag in docker_flags("ci"):
        name, value = flag.removeprefix("--label=").split("=")
        assert marks[name] == value
    assert len(docker_flags("ci")) == 2
