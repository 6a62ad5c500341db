"""Kubeconfig files: merged as kubectl does, and told what is wrong with them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UsageError
from harness.tools.k8s_connection import connect

from .test_k8s import write_kubeconfig


def write(file: Path, **entries: dict[str, Any]) -> Path:
    """Write a kubeconfig of named entries: contexts, clusters, users."""
    kinds = {
        kind: [{"name": name, kind.removesuffix("s"): content} for name, content in named.items()]
        for kind, named in entries.items()
    }
    file.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", **kinds}))
    return file


def join(*files: Path) -> Path:
    return Path(os.pathsep.join(map(str, files)))


def test_several_files_are_one_of_which_the_first_counts(tmp_path: Path) -> None:
    context = {"cluster": "c", "user": "u"}
    first = write(tmp_path / "a", clusters={"c": {"server": "http://first.test"}}, users={"u": {"token": "one"}})
    second = write(
        tmp_path / "b",
        contexts={"team": context, "other": {"cluster": "d", "user": "u"}},
        clusters={"c": {"server": "http://second.test"}, "d": {"server": "http://third.test"}},
        users={"u": {"token": "two"}},
    )
    (tmp_path / "empty").touch()
    files = join(tmp_path / "missing", first, tmp_path / "empty", second)
    found = {name: connect(files, name) for name in ("team", "other")}
    assert {name: one.host for name, one in found.items()} == {
        "team": "http://first.test",
        "other": "http://third.test",
    }
    assert found["team"].credentials() == {"authorization": "Bearer one"}
    with pytest.raises(UsageError, match="has no context `gone`; there are: team, other"):
        connect(files, "gone")


def test_only_when_no_file_is_there_none_is_found(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        connect(join(tmp_path / "a", tmp_path / "b"), "team")
    (tmp_path / "b").touch()
    with pytest.raises(UsageError, match="has no context `team`; there are: none"):
        connect(join(tmp_path / "a", tmp_path / "b"), "team")


@pytest.mark.parametrize("context", ["one", None])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe", "it is not UTF-8"),
        (b"users:\n- token: 'hidden\n", "no YAML: found unexpected end of stream, line 3"),
        (b"users: [\n", "no YAML: .*, line 2"),
        (b"\x00", "no YAML"),
        (b"text", "it is no mapping"),
        (b"contexts: 5", "its contexts are no list of `name` and `context`"),
        (b"clusters: [one]", "its clusters are no list of `name` and `cluster`"),
        (b"users: [{user: {}}]", "its users are no list of `name` and `user`"),
        (b"contexts: [{name: one, context: text}]", "its contexts are no list of `name` and `context`"),
    ],
)
def test_malformed_file_is_named_with_the_reason(
    tmp_path: Path, content: bytes, reason: str, context: str | None
) -> None:
    file = tmp_path / "kubeconfig"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=rf"^kubeconfig {file}: {reason}$") as caught:
        connect(file, context)
    assert caught.value.next_step == "make it readable, or correct it"


@pytest.mark.parametrize("context", ["one", None])
def test_unreadable_file_is_named_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, context: str | None
) -> None:
    with pytest.raises(UsageError, match=rf"^kubeconfig {tmp_path}: Is a directory$"):
        connect(tmp_path, context)

    def refuse(*_: object) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(UsageError, match=rf"^kubeconfig {tmp_path}/k: Permission denied$"):
        connect(tmp_path / "k", context)


def test_certificate_that_is_no_base64_is_told(tmp_path: Path) -> None:
    user = {"client-certificate-data": "x", "client-key-data": "x"}
    file = write_kubeconfig(tmp_path / "kubeconfig", "https://127.0.0.1:1", user)
    with pytest.raises(UsageError, match=rf"^kubeconfig {file}: ") as caught:
        connect(file, "one")
    assert caught.value.next_step == "make it readable, or correct it"


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("socks5://127.0.0.1:1080", "is of the kind `socks5`, which the harness cannot use"),
        ("https://proxy.test", "is of the kind `https`, which the harness cannot use"),
        ("http://proxy.test:port", "is no URL"),
        ("http://", "is no URL"),
    ],
)
def test_proxy_that_cannot_be_used_is_refused(tmp_path: Path, proxy: str, told: str) -> None:
    cluster = {"server": "https://cluster.test", "proxy-url": proxy}
    file = write(
        tmp_path / "k", contexts={"one": {"cluster": "c", "user": "u"}}, clusters={"c": cluster}, users={"u": {}}
    )
    with pytest.raises(UsageError, match=f"^context `one`: the proxy-url of its cluster {told}$"):
        connect(file, "one")
