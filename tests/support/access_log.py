"""What Airflow's API server answered, read from its own access log; pure.

Airflow 3.3.2 logs every answered request but those for `/api/v2/monitor/health`, which Kubernetes' probes count.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

_LINE = re.compile(
    r"(?P<when>\S+) .*\[http\.access\] .*\bmethod=(?P<method>\S+) path=(?P<path>\S+) .*\bstatus_code=(?P<status>\d+)\b"
)
_STARTS = re.compile(r"/execution/task-instances/[^/]+/run")


@dataclass(frozen=True)
class Answer:
    """One request and its answer; `when` is by the kubelet, `status` 0 where the client got no answer."""

    when: datetime
    method: str
    path: str
    status: int

    @property
    def is_good(self) -> bool:
        """Tell whether the server did what it was asked."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_failure(self) -> bool:
        """Tell whether the server failed, be it that it gave no answer; what it refuses with 4xx is no failure."""
        return self.status == 0 or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def starts_task(self) -> bool:
        """Tell whether a worker asked to begin its try, as each does once before it runs."""
        return self.method == "PATCH" and _STARTS.fullmatch(self.path) is not None

    @property
    def line(self) -> str:
        """Return the answer as people read it."""
        return f"{self.when:%H:%M:%S} {self.method} {self.path}: {self.status or 'no answer'}"


def parse_access_log(log: str) -> Iterator[Answer]:
    """Yield the answers of a container's log that was read with the kubelet's timestamps."""
    for line in log.splitlines():
        found = _LINE.match(line)
        if found:
            when = datetime.fromisoformat(found["when"])
            yield Answer(when, found["method"], found["path"].strip("'"), int(found["status"]))
