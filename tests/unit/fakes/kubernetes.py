"""An API server in memory: objects, resource versions, watches, preconditions and field managers."""

import copy
import json
import threading
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from harness.tools import Json, k8s
from harness.tools.k8s import APPLY_TYPE, METADATA_TYPE, Kubernetes
from harness.tools.k8s_connection import Request

WATCH_S = 0.02


@dataclass
class Response:
    """What urllib3 returns, as far as the client reads it."""

    status: int
    data: bytes = b""
    reason: str = ""
    chunks: Iterator[bytes] = field(default_factory=lambda: iter(()))
    is_closed: bool = False

    def stream(self, _amount: int | None) -> Iterator[bytes]:
        """Yield the chunks as they come."""
        return self.chunks

    def close(self) -> None:
        """Remember that it was called."""
        self.is_closed = True


class FakeApiServer:
    """Holds objects by (plural, namespace, name); `requests` is what was asked."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Json] = {}
        self.requests: list[Request] = []
        self.logs: dict[str, str] = {}
        self.refusals: list[Response | Exception] = []
        self.dies_after: int | None = None
        self.open_socket: Callable[[str, dict[str, str]], Any] = lambda *_: None
        self.created = "2026-11-22T12:00:00Z"
        self.on_patch: Callable[[Json], None] = lambda _: None
        self._history: list[tuple[int, str, str, Json]] = []
        self._version = 100
        self._oldest = 0
        self._managers: dict[tuple[str, str, str], str] = {}
        self._changed = threading.Condition()

    def client(self, monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
        """Return the real client, connected to this server."""
        monkeypatch.setattr(k8s, "connect", lambda _kubeconfig, _context: self)
        return Kubernetes(Path("unused"))

    def put(self, plural: str, item: Json) -> Json:
        """Create or replace an object, as a controller would, and tell the watches."""
        if "stringData" in item:
            data = {key: b64encode(value.encode()).decode() for key, value in item["stringData"].items()}
            item = {key: value for key, value in item.items() if key != "stringData"}
            item["data"] = {**item.get("data", {}), **data}
        with self._changed:
            metadata = item["metadata"]
            key = (plural, metadata.get("namespace", ""), metadata["name"])
            self._version += 1
            metadata.setdefault("uid", str(uuid.uuid4()))
            metadata["resourceVersion"] = str(self._version)
            kind = "MODIFIED" if key in self.objects else "ADDED"
            self.objects[key] = copy.deepcopy(item)
            self._history.append((self._version, plural, kind, copy.deepcopy(item)))
            self._changed.notify_all()
        return item

    def remove(self, plural: str, namespace: str, name: str) -> None:
        """Delete an object, as a controller would, and tell the watches."""
        with self._changed:
            item = self.objects.pop((plural, namespace, name))
            self._version += 1
            item["metadata"]["resourceVersion"] = str(self._version)
            self._history.append((self._version, plural, "DELETED", item))
            self._changed.notify_all()

    def compact(self) -> None:
        """Forget all versions so far: a watch from one of them gets 410."""
        with self._changed:
            self._history.clear()
            self._version += 1
            self._oldest = self._version

    def send(self, request: Request) -> Response:  # noqa: C901, PLR0911 - one for each verb
        """Answer as `Connection.send` does."""
        query = {key: value for key, value in request.query.items() if value}
        request = replace(request, query=query)
        assert request.read_timeout_s > 0
        self.requests.append(request)
        self._maybe_die()
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Exception):
                raise refusal
            return refusal
        method, body = request.method, request.body or {}
        plural, namespace, name, sub = _split(request.path)
        key = (plural, namespace, name)
        if request.is_stream and "watch" in query:
            return Response(200, chunks=self._watch(plural, namespace, query))
        if method == "GET" and not name:
            return self._list(plural, namespace, query, only_metadata=request.accept == METADATA_TYPE)
        if method == "PATCH" and request.content_type == APPLY_TYPE:
            return self._apply(key, body, query)
        if key not in self.objects:
            return _status(404, "NotFound", f'{plural} "{name}" not found')
        if sub == "log":
            return Response(200, chunks=iter([self.logs.get(name, "").encode()]))
        if sub == "eviction":
            return self._delete(key, body["deleteOptions"])
        if method == "PATCH":
            return self._merge(key, body)
        if method == "DELETE":
            return self._delete(key, body)
        return _ok(self.objects[key])

    def _maybe_die(self) -> None:
        if self.dies_after == 0:
            raise ConnectionResetError("killed")
        if self.dies_after is not None:
            self.dies_after -= 1

    def _list(self, plural: str, namespace: str, query: dict[str, str], *, only_metadata: bool) -> Response:
        with self._changed:
            items = [
                item
                for (kind, space, _), item in self.objects.items()
                if kind == plural and namespace in ("", space) and _matches(item, query.get("labelSelector", ""))
            ]
            shown = [{"metadata": item["metadata"]} for item in items] if only_metadata else items
            # A list of metadata alone has null for no items.
            found = None if only_metadata and not shown else shown
            return _ok({"metadata": {"resourceVersion": str(self._version)}, "items": found})

    def _watch(self, plural: str, namespace: str, query: dict[str, str]) -> Iterator[bytes]:
        version = int(query["resourceVersion"])
        if version < self._oldest:
            yield _line("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"})
            return
        while True:
            with self._changed:
                news = [change for change in self._history if change[0] > version]
                if not news and not self._changed.wait(WATCH_S):
                    return
            for version, kind, what, item in news:  # noqa: B007 - it goes on from the last one
                if kind == plural and namespace in ("", item["metadata"]["namespace"]):
                    line = _line(what, item)
                    yield line[:10]  # a chunk may end anywhere
                    yield line[10:]

    def _apply(self, key: tuple[str, str, str], body: Json, query: dict[str, str]) -> Response:
        manager = self._managers.get(key)
        if manager not in (None, query["fieldManager"]) and query["force"] != "true":
            return _status(409, "Conflict", f'conflict with "{manager}"')
        known_version = self.objects.get(key, {"metadata": {}})["metadata"].get("resourceVersion")
        if body["metadata"].get("resourceVersion", known_version) != known_version:
            return _status(409, "Conflict", "the object has been modified")
        self._managers[key] = query["fieldManager"]
        known = self.objects.get(key, {"metadata": {"creationTimestamp": self.created}})
        if known.get("immutable") and any(known.get(part) != body.get(part) for part in ("data", "binaryData")):
            return _status(422, "Invalid", "field is immutable when `immutable` is set")
        item = {**copy.deepcopy(body), "metadata": {**known["metadata"], **copy.deepcopy(body["metadata"])}}
        return _ok(self.put(key[0], item))

    def _merge(self, key: tuple[str, str, str], body: Json) -> Response:
        item: Json = _merged(self.objects[key], body)
        self.put(key[0], item)
        self.on_patch(item)
        return _ok(item)

    def _delete(self, key: tuple[str, str, str], options: Json) -> Response:
        uid = options.get("preconditions", {}).get("uid")
        if uid not in (None, self.objects[key]["metadata"]["uid"]):
            return _status(409, "Conflict", "the UID in the precondition does not match")
        self.remove(*key)
        return _ok({"kind": "Status", "status": "Success"})


def _merged(known: Any, changes: Any) -> Any:
    """Return what RFC 7386 makes of the two."""
    if not isinstance(changes, dict):
        return copy.deepcopy(changes)
    known = copy.deepcopy(known) if isinstance(known, dict) else {}
    for name, value in changes.items():
        if value is None:
            known.pop(name, None)
        else:
            known[name] = _merged(known.get(name), value)
    return known


def _split(path: str) -> tuple[str, str, str, str]:
    """Return plural, namespace, name and subresource of an API path."""
    parts = [unquote(part) for part in path.split("/")[1:]]
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:  # /namespaces/<name>/<plural>
        namespace, rest = rest[1], rest[2:]
    plural, name, sub = (*rest, "", "")[:3]
    return plural, namespace, name, sub


def _matches(item: Json, selector: str) -> bool:
    labels = item["metadata"].get("labels", {})
    for term in filter(None, selector.split(",")):
        if "!=" in term:
            name, value = term.split("!=")
            if labels.get(name) == value:
                return False
        else:
            name, value = term.split("=")
            if labels.get(name) != value:
                return False
    return True


def _line(kind: str, item: Json) -> bytes:
    return json.dumps({"type": kind, "object": item}).encode() + b"\n"


def _ok(body: Json) -> Response:
    return Response(200, json.dumps(body).encode())


def _status(code: int, reason: str, message: str) -> Response:
    return Response(code, json.dumps({"kind": "Status", "reason": reason, "message": message}).encode(), reason)


def worker_pod(name: str, *, phase: str = "Pending", try_number: int = 1, **others: Any) -> Json:
    """Return a worker pod as the KubernetesExecutor makes it, `run` being its run and `task` its task."""
    run, task, map_index = others.get("run", "run-1"), others.get("task", "work"), others.get("map_index", -1)
    annotations = {"dag_id": "example", "task_id": task, "run_id": run, "try_number": str(try_number)}
    if map_index >= 0:
        annotations["map_index"] = str(map_index)
    return {
        "metadata": {
            "name": name,
            "namespace": "tools",
            "uid": f"uid-of-{name}",
            "creationTimestamp": "2026-11-22T12:00:00Z",
            "labels": {"kubernetes_executor": "True"},
            "annotations": annotations,
        },
        "spec": {"nodeName": "node-1"},
        "status": {"phase": phase},
    }
