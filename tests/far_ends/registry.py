"""A Registry with an API for exports: the standard library alone, so that it runs in the Airflow image.

`POST /exports` makes an export and keeps the `Idempotency-Key`: the same key gives the same export again. `GET /state`
tells the exports and every request that came. A request whose day is in `FAILURES` fails that many times first: with
`lost` the export is made and the answer is not given, with `busy` nothing is made.
"""

import json
import os
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PORT = 8080
RETRY_AFTER_S = "2"
# What is answered first, by day; every day that is not here works at once.
FAILURES = {"2026-01-02": ["lost"], "2026-01-03": ["busy", "busy"], "2026-01-04": ["refused"] * 9}


@dataclass
class State:
    """What the Registry knows."""

    exports: dict[str, dict[str, str]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)


class Registry(ThreadingHTTPServer):
    """The service; port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], token: str) -> None:
        super().__init__(address, Handler)
        self.token = token
        self.state = State()
        self.lock = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Registry

    def do_GET(self) -> None:
        """Answer GET /state and GET /health."""
        with self.server.lock:
            self._answer(HTTPStatus.OK, vars(self.server.state) if self.path == "/state" else {})

    def do_POST(self) -> None:
        """Answer POST /exports."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self._answer(*self._export(body["day"], self.headers["Idempotency-Key"]))

    def _export(self, day: str, key: str) -> tuple[HTTPStatus, dict[str, str]]:
        state = self.server.state
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            return HTTPStatus.UNAUTHORIZED, {"error": "wrong token"}
        earlier = sum(request["key"] == key for request in state.requests)
        fails = FAILURES.get(day, [])[earlier : earlier + 1]
        state.requests.append({"key": key, "day": day})
        if fails == ["refused"]:
            return HTTPStatus.UNPROCESSABLE_ENTITY, {"error": "no such day"}
        if fails == ["busy"]:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "busy"}
        is_new = key not in state.exports
        export = state.exports.setdefault(key, {"id": f"export-{len(state.exports) + 1}", "day": day})
        if fails == ["lost"]:
            return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "died after the work was done"}
        return HTTPStatus.CREATED if is_new else HTTPStatus.OK, export

    def _answer(self, status: HTTPStatus, body: dict[str, Any]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", RETRY_AFTER_S)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing: /state tells all."""


if __name__ == "__main__":
    Registry(("", PORT), os.environ["REGISTRY_TOKEN"]).serve_forever()
