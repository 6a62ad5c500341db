"""Kubeconfig files, merged as kubectl merges them: of two entries with one name the first counts."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.errors import UsageError
from harness.redact import redact
from harness.tools import Json

NEXT_STEP = "make it readable, or correct it"
ENTRIES = {"contexts": "context", "clusters": "cluster", "users": "user"}


@dataclass(frozen=True)
class Kubeconfig:
    """What the files say that are there, in their order."""

    documents: dict[Path, Json]

    @property
    def files(self) -> str:
        """Return the files that say anything, as `KUBECONFIG` names them."""
        return os.pathsep.join(str(file) for file, document in self.documents.items() if document)

    @property
    def contexts(self) -> list[str]:
        """Return the names of all contexts."""
        return list(dict.fromkeys(str(entry["name"]) for entry in self._entries("contexts")))

    def proxy_of(self, context: str) -> str:
        """Return the `proxy-url` by which a context's cluster is reached, empty without one.

        Raises UsageError for a proxy that does not speak HTTP.
        """
        cluster = self._find("clusters", str(self._find("contexts", context).get("cluster")))
        proxy = str(cluster.get("proxy-url") or "")
        if proxy and (reason := _find_fault_of_proxy(proxy)):
            raise UsageError(
                f"context `{context}`: the proxy-url of its cluster {reason}",
                next_step="name a proxy of the form http://HOST:PORT there",
            )
        return proxy

    def _find(self, kind: str, name: str) -> Json:
        found = (entry[ENTRIES[kind]] for entry in self._entries(kind) if str(entry["name"]) == name)
        return next(found, None) or {}

    def _entries(self, kind: str) -> Iterator[Json]:
        for document in self.documents.values():
            yield from document.get(kind) or ()


def read_kubeconfig(kubeconfig: Path) -> Kubeconfig:
    """Read one file, or several that are joined as in `KUBECONFIG`; one that is not there counts as not named.

    Raises UsageError for a file that cannot be read, or is no kubeconfig.
    """
    files = [Path(file) for file in str(kubeconfig).split(os.pathsep)]
    read = {file: read_file(file) for file in files}
    return Kubeconfig({file: document for file, document in read.items() if document is not None})


def read_file(file: Path) -> Json | None:
    """Return what one file says, None when it is not there; raises UsageError as `read_kubeconfig` does."""
    import yaml

    try:
        document = yaml.safe_load(file.read_text("utf-8")) or {}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = error.strerror or str(error)
    except UnicodeDecodeError:
        reason = "it is not UTF-8"
    except yaml.MarkedYAMLError as error:
        # Without the line itself, which may hold a token.
        reason = f"no YAML: {error.problem}" + (f", line {error.problem_mark.line + 1}" if error.problem_mark else "")
    except yaml.YAMLError:
        reason = "no YAML"
    else:
        reason = _find_fault(document)
        if not reason:
            return dict(document)
    raise UsageError(redact(f"kubeconfig {file}: {reason}"), next_step=NEXT_STEP)


def _find_fault_of_proxy(proxy: str) -> str:
    try:
        url = urlsplit(proxy)
        is_whole = bool(url.hostname) and url.port != 0
    except ValueError:  # such as a port that is no number
        return "is no URL"
    if url.scheme != "http":
        return f"is of the kind `{url.scheme}`, which the harness cannot use"
    return "" if is_whole else "is no URL"


def _find_fault(document: object) -> str:
    if not isinstance(document, dict):
        return "it is no mapping"
    for kind, content in ENTRIES.items():
        entries = document.get(kind) or []
        if not isinstance(entries, list) or not all(
            isinstance(entry, dict) and "name" in entry and isinstance(entry.get(content) or {}, dict)
            for entry in entries
        ):
            return f"its {kind} are no list of `name` and `{content}`"
    return ""
