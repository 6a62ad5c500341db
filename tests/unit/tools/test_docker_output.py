"""What the docker client prints: how far it is, and what helps against its errors."""

import pytest

from harness.tools.docker_output import EngineError, find_cure

from ..fakes.command import FakeCommands
from ..samples import DOCKER

PULL = """docker.io/library/python@sha256:1: Pulling from library/python
bb3f2b52e6af: Already exists
7d8d2ae3a3c1: Pulling fs layer
49fd5ee3b1a0: Pulling fs layer
49fd5ee3b1a0: Verifying Checksum
49fd5ee3b1a0: Download complete
7d8d2ae3a3c1: Pull complete
49fd5ee3b1a0: Pull complete
Digest: sha256:1
Status: Downloaded newer image for python@sha256:1
"""
BUILD = """#0 building with "default" instance using docker driver
#1 [internal] load build definition from Dockerfile
#1 DONE 0.0s
#4 [build 1/2] FROM docker.io/library/python
#4 CACHED
#5 [stage-1 2/2] RUN apt-get update
#6 [build 2/2] RUN pip install
#6 1.234 Collecting uv DONE
#6 DONE 3.1s
#5 DONE 9.5s
#7 exporting to image
#7 DONE 0.2s
"""


def test_pull_tells_how_many_layers_are_there(commands: FakeCommands) -> None:
    said: list[str] = []
    commands.on("docker", "pull", "a:1", stdout=PULL)
    DOCKER.pull("a:1", said.append)
    done = [(1, 1), (1, 2), (1, 3), (1, 3), (1, 3), (2, 3), (3, 3)]
    assert said == [f"{layers} of {total} layers" for layers, total in done]


def test_build_tells_how_many_steps_of_all_stages_ended(commands: FakeCommands, tmp_path: object) -> None:
    said: list[str] = []
    commands.on("docker", "build", "--progress=plain", "--tag", "a:1", str(tmp_path), stderr=BUILD)
    DOCKER.build(tmp_path, "a:1", say=said.append)  # type: ignore[arg-type]
    assert said[-1] == "3 of 4 steps of the build"
    assert said[0] == "0 of 2 steps of the build"
    assert len(said) == 6


ERRORS = {
    "registry away in the middle of a pull": ("unexpected EOF", "then run this again: what is there already stays"),
    "registry that is too slow": (
        'Error response from daemon: Get "https://registry.test/v2/": net/http: TLS handshake timeout',
        "see that this network leads there",
    ),
    "registry that does not exist": (
        "Error response from daemon: dial tcp: lookup registry.test: no such host",
        "see that this network leads there",
    ),
    "registry that is off": ("dial tcp 127.0.0.1:5000: connect: connection refused", "see that this network leads"),
    "wrong digest": (
        "Error response from daemon: manifest for kindest/node@sha256:0 not found: manifest unknown: manifest unknown",
        "the registry does not have that digest",
    ),
    "wrong digest of a containerd store": (
        'failed to resolve reference "r.test/kindest/node@sha256:0": r.test/kindest/node@sha256:0: not found',
        "the registry does not have that digest",
    ),
    "wrong tag in a Dockerfile": (
        "ERROR: failed to solve: r.test/a:9: failed to resolve source metadata for r.test/a:9: r.test/a:9: not found",
        "the registry does not have that digest",
    ),
    "wrong tag in a Dockerfile of an older BuildKit": (
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: r.test/a:9: not found",
        "the registry does not have that digest",
    ),
    "other platform": (
        "no matching manifest for linux/arm64/v8 in the manifest list entries: no match for platform in manifest",
        "the image is not of this machine's platform",
    ),
    "other platform of a containerd store": (
        'failed to resolve reference "r.test/a:1": r.test/a:1: no match for platform in manifest: not found',
        "the image is not of this machine's platform",
    ),
    "other platform in a Dockerfile": (
        "failed to resolve source metadata for r.test/a:1: no match for platform in manifest: not found",
        "the image is not of this machine's platform",
    ),
    "package that the index still names": (
        "E: Failed to fetch http://deb.test/debian/pool/main/c/curl_1_amd64.deb  404  Not Found [IP: 10.0.0.1 80]",
        "the package source no longer has that file",
    ),
    "package source away": (
        "E: Failed to fetch http://deb.test/debian/pool/main/c/curl_1_amd64.deb  Could not connect to deb.test:80",
        "see that this network leads there",
    ),
    "CA missing": (
        'Get "https://r.test/v2/": tls: failed to verify certificate: x509: certificate signed by unknown authority',
        "builds trust the CA",
    ),
    "CA missing in a build by pip": (
        "[SSL: CERTIFICATE_VERIFY_FAILED] verify failed",
        "builds trust the CA",
    ),
    "CA missing in a build by uv": ("invalid peer certificate: UnknownIssuer", "builds trust the CA"),
    "disk full": ("write /var/lib/docker/tmp/1: no space left on device", "make room"),
    "no login": ("unauthorized: authentication required", "docker login"),
    "too many pulls": ("toomanyrequests: You have reached your unauthenticated pull rate limit.", "registry_mirror"),
    "mirror by HTTP": ("http: server gave HTTP response to HTTPS client", "insecure-registries"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_error_of_a_pull_comes_with_its_next_step(commands: FakeCommands, name: str) -> None:
    error, cure = ERRORS[name]
    commands.on("docker", "pull", "a:1", returncode=1, stdout="a: Pulling fs layer\n", stderr=error)
    with pytest.raises(EngineError) as caught:
        DOCKER.pull("a:1", str)
    assert error in str(caught.value)
    assert cure in caught.value.next_step
    assert caught.value.party == "host"


@pytest.mark.parametrize(
    "error",
    [
        "something else",
        'failed to solve: failed to compute cache key: failed to calculate checksum of ref a::b: "/dags": not found',
        'failed to solve with frontend dockerfile.v0: failed to build LLB: "/dags" not found: not found',
        "/bin/sh: 1: foo: not found",
        "/bin/sh: foo: not found",
        "bash: line 1: foo: command not found",
    ],
)
def test_error_that_nobody_knows_has_its_own_words_alone(error: str) -> None:
    assert find_cure(error) == ""
