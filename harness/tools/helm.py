"""Helm: installs a chart as a release, and renders it."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.command import CommandError, Result, run
from harness.errors import Advice, Verb

INSTALL_S = 360  # Helm itself gives up a hook after 300 s, and says so
QUICK_S = 60
CURES: tuple[tuple[str, Advice], ...] = (
    (
        "another operation .* is in progress",
        "wait for the other Helm; when there is none, one was killed: helm rollback RELEASE, then run this again",
    ),
    (
        "hooks? failed|timed out waiting for the condition|context deadline exceeded",
        Verb("logs", "shows the hook's pod"),
    ),
    (
        "field is immutable|forbidden: updates to",
        "an object must be made anew: delete the one of the message, run this again",
    ),
    ("cluster unreachable|connection refused", Verb("status", "tells whether the cluster runs")),
    (
        "invalid ownership metadata|already exists and cannot be imported",
        "an object of that name is somebody else's: remove it, or choose another `namespace` or `release`",
    ),
    ("violates podsecurity|exceeded quota|denied the request", "the cluster refuses that object: change its values"),
)


@dataclass(frozen=True)
class ReleaseStatus:
    """What Helm keeps of a release's newest revision."""

    revision: int
    status: str
    description: str


class HelmError(CommandError):
    """Helm could not install or upgrade; the advice is what helps against what it wrote."""

    def __init__(self, argv: list[str], why: str, output: str = "") -> None:
        super().__init__(argv, why, output)
        self.advice = next((cure for pattern, cure in CURES if re.search(pattern, output, re.IGNORECASE)), ())


@dataclass(frozen=True)
class Helm:
    """The helm binary with one cluster's kubeconfig; its own folders are under `home`, never the user's."""

    binary: Path
    kubeconfig: Path
    home: Path

    def upgrade(
        self,
        release: str,
        chart: Path,
        *,
        namespace: str,
        values_files: Iterable[Path],
        values: Mapping[str, object],
        description: str,
        while_running: Callable[[], None] | None = None,
    ) -> None:
        """Install or upgrade `release`; `values` win over the files and go in by standard input.

        Helm waits for hooks, and for nothing else. `while_running` is called every few seconds; what it raises ends it.
        """
        import yaml

        self._call(
            *("upgrade", release, str(chart), "--install", "--namespace", namespace, *_values_words(values_files)),
            *("--description", description),
            stdin=yaml.safe_dump(dict(values)),
            timeout_s=INSTALL_S,
            while_running=while_running,
            error=HelmError,
        )

    def rollback(self, release: str, revision: int, *, namespace: str) -> None:
        """Make the release what it was in `revision`; returns before the pods are ready."""
        self._call("rollback", release, str(revision), "--namespace", namespace, timeout_s=INSTALL_S)

    def template(
        self,
        release: str,
        chart: Path,
        *,
        namespace: str,
        values_files: Iterable[Path],
        values: Mapping[str, object],
    ) -> str:
        """Render the chart without a cluster and return its objects as YAML."""
        return self._template(release, chart, namespace, values_files, values, check=True).stdout

    def lint(self, chart: Path, *, namespace: str, values_files: Iterable[Path], values: Mapping[str, object]) -> str:
        """Render the chart without a cluster and return why it cannot be, or an empty string."""
        result = self._template("check", chart, namespace, values_files, values, check=False)
        if result.returncode == 0:
            return ""
        # Helm logs to the same output, for example each time that it follows the link to the DAGs.
        return "\n".join(line for line in result.stderr.strip().splitlines() if not line.startswith("level="))

    def status(self, release: str, *, namespace: str) -> ReleaseStatus | None:
        """Return the newest revision's status, or None when there is no such release."""
        result = self._call("list", "--namespace", namespace, "--filter", f"^{release}$", "--output", "json")
        for entry in json.loads(result.stdout or "[]"):
            detail = self._call("history", release, "--namespace", namespace, "--max", "1", "--output", "json")
            newest = json.loads(detail.stdout)[-1]
            return ReleaseStatus(int(entry["revision"]), newest["status"], newest.get("description", ""))
        return None

    def _template(
        self,
        release: str,
        chart: Path,
        namespace: str,
        values_files: Iterable[Path],
        values: Mapping[str, object],
        *,
        check: bool,
    ) -> Result:
        import yaml

        return self._call(
            *("template", release, str(chart), "--namespace", namespace, *_values_words(values_files)),
            stdin=yaml.safe_dump(dict(values)),
            check=check,
        )

    def _call(
        self,
        *args: str,
        stdin: str | None = None,
        timeout_s: float = QUICK_S,
        check: bool = True,
        while_running: Callable[[], None] | None = None,
        error: type[CommandError] = CommandError,
    ) -> Result:
        env = {
            "KUBECONFIG": str(self.kubeconfig),
            "HELM_CACHE_HOME": str(self.home / "cache"),
            "HELM_CONFIG_HOME": str(self.home / "config"),
            "HELM_DATA_HOME": str(self.home / "data"),
        }
        return run(
            [str(self.binary), *args],
            stdin=stdin,
            env=env,
            timeout_s=timeout_s,
            check=check,
            error=error,
            while_running=while_running,
        )


def _values_words(files: Iterable[Path]) -> list[str]:
    """Return the options for the files, and last, so that they win, for the values by standard input."""
    return [word for path in (*files, "-") for word in ("--values", str(path))]
