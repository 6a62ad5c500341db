"""The Kubernetes API: its verbs, JSON in and out."""

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from harness.excerpt import FIRST_CHARS, LAST_CHARS, excerpt, split_lines
from harness.tools import Json
from harness.tools.k8s_connection import READ_TIMEOUT_S, KubernetesError, Request, connect
from harness.tools.k8s_kinds import KINDS, path_of
from harness.tools.k8s_socket import WebSocket
from harness.waiting import CLOCK

LOGGER = logging.getLogger(__name__)

Objects = list[Json]

CHUNK_BYTES = 65536
APPLY_TYPE = "application/apply-patch+yaml"  # JSON is YAML
MERGE_TYPE = "application/merge-patch+json"
METADATA_TYPE = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True)
class WatchEvent:
    """One line of a watch: `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: Json


class Kubernetes:
    """One cluster. Objects are plain JSON dicts; every request has a time-out; what fails raises KubernetesError.

    `before_log` is called before a log is read: what must be known to redact it is read then.
    """

    before_log: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, kubeconfig: Path, context: str | None = None) -> None:
        self.kubeconfig = kubeconfig
        self._connection = connect(kubeconfig, context)

    def open_port(self, pod: str, namespace: str, port: int) -> WebSocket:
        """Return a web socket that leads to the port of a pod; raises KubernetesError."""
        return self._connection.open_socket(f"{path_of('Pod', namespace, pod)}/portforward", {"ports": str(port)})

    def get(self, kind: str, name: str, namespace: str = "") -> Json | None:
        """Return the object, or None when there is none of that name."""
        try:
            return self._json(Request("GET", path_of(kind, namespace, name)))
        except KubernetesError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def list(self, kind: str, namespace: str = "", *, label_selector: str = "", field_selector: str = "") -> Objects:
        """Return all objects of a kind, in all namespaces when none is given."""
        return self.list_at_version(kind, namespace, label_selector=label_selector, field_selector=field_selector)[0]

    def list_metadata(self, kind: str, namespace: str, *, label_selector: str) -> Objects:
        """Return what `list` does without the objects' content."""
        request = Request("GET", path_of(kind, namespace), {"labelSelector": label_selector}, accept=METADATA_TYPE)
        items: Objects | None = self._json(request)["items"]
        return items or []

    def list_at_version(
        self, kind: str, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> tuple[Objects, str]:
        """Return what `list` does, and the resource version from which a watch goes on without a gap."""
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        answer = self._json(Request("GET", path_of(kind, namespace), query))
        typed = {"apiVersion": KINDS[kind].api_version, "kind": kind}  # items of a list come without these
        return [{**typed, **item} for item in answer["items"]], answer["metadata"]["resourceVersion"]

    def apply(self, manifest: Mapping[str, Any], *, field_manager: str = "harness", force: bool = False) -> Json:
        """Make the object so by server-side apply and return it as stored.

        Unknown fields are refused. With `force` fields that another manager owns are taken over; without it they
        raise KubernetesError with status 409.
        """
        metadata = manifest["metadata"]
        query = {"fieldManager": field_manager, "force": str(force).lower(), "fieldValidation": "Strict"}
        path = path_of(manifest["kind"], metadata.get("namespace", ""), metadata["name"])
        return self._json(Request("PATCH", path, query, dict(manifest), APPLY_TYPE))

    def patch_annotations(self, kind: str, name: str, namespace: str, annotations: Mapping[str, str | None]) -> Json:
        """Set these annotations, remove those whose value is None, and return the object."""
        return self.merge(kind, name, namespace, {"metadata": {"annotations": dict(annotations)}})

    def merge(self, kind: str, name: str, namespace: str, changes: Json) -> Json:
        """Merge `changes` into the object (RFC 7386: None removes, a list replaces) and return it."""
        return self._json(Request("PATCH", path_of(kind, namespace, name), {}, changes, MERGE_TYPE))

    def delete(
        self, kind: str, name: str, namespace: str = "", *, grace_period_s: int | None = None, uid: str | None = None
    ) -> bool:
        """Ask for the object's deletion and return whether it was there.

        With `uid` another object of the same name is left alone: that raises KubernetesError with status 409.
        """
        options = {"propagationPolicy": "Background", **_delete_options(uid, grace_period_s)}
        try:
            self._json(Request("DELETE", path_of(kind, namespace, name), {}, options))
        except KubernetesError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True

    def evict(self, name: str, namespace: str, *, uid: str, grace_period_s: int | None = None) -> None:
        """Ask for the pod's eviction; a PodDisruptionBudget that forbids it is KubernetesError with status 429."""
        metadata = {"name": name, "namespace": namespace}
        options = _delete_options(uid, grace_period_s)
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options}
        self._json(Request("POST", f"{path_of('Pod', namespace, name)}/eviction", {}, body))

    def pod_log(
        self,
        name: str,
        namespace: str,
        *,
        container: str = "",
        previous: bool = False,
        tail_lines: int | None = None,
        timestamps: bool = False,
        first_chars: int = FIRST_CHARS,
        last_chars: int = LAST_CHARS,
    ) -> str:
        """Return a container's log, not redacted; `previous` is that before its restart, `timestamps` begin a line.

        Of a long one these are the first and the last lines, and one that says what is left out.
        """
        import urllib3

        self.before_log()
        query = {"container": container, "tailLines": str(tail_lines or "")}
        query |= {"previous": "true" if previous else "", "timestamps": "true" if timestamps else ""}
        request = Request("GET", f"{path_of('Pod', namespace, name)}/log", query, is_stream=True)
        response = self._send(request)
        try:
            lines = map(str, split_lines(response.stream(CHUNK_BYTES)))
            return "\n".join(excerpt(lines, first=first_chars, last=last_chars))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise KubernetesError(request.asked, 0, "the line broke", str(error)) from None
        finally:
            response.close()  # a stream that was left early must not go back to the pool

    def events(self, namespace: str = "") -> Objects:
        """Return the Event objects, oldest first."""
        return sorted(self.list("Event", namespace), key=event_time)

    def watch(
        self, kind: str, namespace: str = "", *, label_selector: str = "", resource_version: str, timeout_s: int
    ) -> Iterator[WatchEvent]:
        """Yield changes since `resource_version` until the server ends the watch after `timeout_s` seconds.

        Raises KubernetesError with status 410 when that version is no longer kept, and with 0 when the line breaks.
        """
        import urllib3

        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "labelSelector": label_selector,
            "resourceVersion": resource_version,
            "timeoutSeconds": str(timeout_s),
        }
        path = path_of(kind, namespace)
        response = self._send(Request("GET", path, query, read_timeout_s=timeout_s + READ_TIMEOUT_S, is_stream=True))
        try:
            for line in _lines(response.stream(None)):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise KubernetesError(
                        f"watch {path}", status.get("code", 500), status.get("reason", ""), status.get("message", "")
                    )
                yield WatchEvent(event["type"], event["object"])
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise KubernetesError(f"watch {path}", 0, "the line broke", str(error)) from None
        finally:
            response.close()  # a stream that was left early must not go back to the pool

    def _json(self, request: Request) -> Json:
        answer: Json = json.loads(self._send(request).data)
        return answer

    def _send(self, request: Request) -> Any:
        import urllib3

        started = CLOCK.now()
        try:
            response = self._connection.send(request)
            LOGGER.info("%.2f s, %s: Kubernetes %s", CLOCK.now() - started, response.status, request.asked)
            if response.status < HTTPStatus.BAD_REQUEST:
                return response
            text = response.data.decode("utf-8", "replace")
        except (urllib3.exceptions.HTTPError, OSError) as error:
            LOGGER.info("%.2f s, no answer: Kubernetes %s", CLOCK.now() - started, request.asked)
            raise KubernetesError(request.asked, 0, "no answer", str(error)) from None
        reason, message = _refusal(text)
        raise KubernetesError(request.asked, response.status, reason or response.reason or "", message)


def _delete_options(uid: str | None, grace_period_s: int | None) -> Json:
    grace = {} if grace_period_s is None else {"gracePeriodSeconds": grace_period_s}
    return grace | ({} if uid is None else {"preconditions": {"uid": uid}})


def is_ready(item: Json) -> bool:
    """Tell whether a node or pod has the condition Ready."""
    conditions = item.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def event_time(event: Mapping[str, Any]) -> str:
    """Return when an Event last happened, as the API writes times: RFC 3339, so that text order is time order."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return str(next(filter(None, times), event["metadata"].get("creationTimestamp", "")))


def _refusal(text: str) -> tuple[str, str]:
    """Read a Status object; proxies and a starting API server answer with plain text instead."""
    try:
        status = json.loads(text)
        return status.get("reason", ""), status.get("message", "")
    except (ValueError, AttributeError):
        return "", text.strip()[:300]


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from filter(None, lines)
