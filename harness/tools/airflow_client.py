"""Speaks to Airflow's REST API: logs in, repeats what may be repeated, and says what was refused and why."""

import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from harness.errors import Advice, HarnessError, Verb
from harness.redact import redact, remember_secrets
from harness.tools import Json
from harness.waiting import CLOCK, Clock, NotYet, WaitTimeoutError, wait_until

if TYPE_CHECKING:
    import httpx2 as httpx

LOGGER = logging.getLogger(__name__)
REQUEST_TIMEOUT_S = 30.0
STREAM_TIMEOUT_S = 300.0  # Airflow reads a log to its end before it sends the first byte
CHUNK_BYTES = 65536
RETRY_GET_S = 30.0
PAGE = 100
T = TypeVar("T")
AWAY = Verb("status", "tells whether Airflow runs")


class AirflowApiError(HarnessError):
    """Airflow refused a request (`status` is the HTTP status) or did not answer (`status` is 0)."""

    def __init__(self, asked: str, status: int, reason: str, *, next_step: Advice = ()) -> None:
        answer = f"answered {status}" if status else "got no answer"
        super().__init__(redact(f"Airflow API: {asked} {answer}: {reason}"), next_step=next_step)
        self.status = status
        if self.is_away:
            self.party = "Airflow"

    @property
    def is_away(self) -> bool:
        """Return whether a later try may be answered: there was no answer, or Airflow itself lacks something."""
        return self.status == 0 or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


def retry_unreachable(probe: Callable[[], T | NotYet]) -> Callable[[], T | NotYet]:
    """Return a probe that goes on while Airflow is away: then the wait's own deadline counts, and no other."""

    def ask() -> T | NotYet:
        try:
            return probe()
        except AirflowApiError as error:
            if not error.is_away:
                raise
            return NotYet(str(error))

    return ask


class AirflowClient:
    """One Airflow, logged in when first needed and again when its token has expired.

    With `token` that is the login. `is_local`: a proxy of the environment is never the way to it.
    A GET that gets no answer is repeated for `RETRY_GET_S` seconds; nothing else is, since it may have acted.
    `before_log` is called before a log is read: what must be known to redact it is read then.
    """

    before_log: Callable[[], None] = staticmethod(lambda: None)

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        token: str = "",
        is_local: bool = True,
        transport: "httpx.BaseTransport | None" = None,
        clock: Clock = CLOCK,
    ) -> None:
        import httpx2 as httpx

        self.url = url.rstrip("/")
        self._given_token = token
        self._credentials = {"username": username, "password": password}
        self._clock = clock
        self._token = ""
        # No kept connections: while nodes restart a Service may lead to an address that another pod has by now, and a
        # kept connection would stay with that pod, whose every answer is a 404.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._client = httpx.Client(
            base_url=self.url, timeout=REQUEST_TIMEOUT_S, limits=limits, trust_env=not is_local, transport=transport
        )
        remember_secrets(filter(None, (password, token)))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def login(self) -> None:
        """Get a token; raises AirflowApiError with status 401 when the credentials are wrong."""
        if self._given_token:
            self._token = self._given_token
            return
        answer = self._attempt("POST", "/auth/token", self._credentials)
        if answer.status_code != HTTPStatus.CREATED:
            raise _refused("POST /auth/token", answer)
        self._token = answer.json()["access_token"]
        remember_secrets([self._token])

    def _pages(self, path: str, key: str, query: Mapping[str, Any]) -> list[Json]:
        items: list[Json] = []
        while True:
            body = self._get(path, {**query, "limit": PAGE, "offset": len(items)})
            items += body[key]
            if not body[key] or len(items) >= body["total_entries"]:
                return items

    def _get_or_none(self, path: str) -> Json | None:
        try:
            return self._get(path)
        except AirflowApiError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    def _get(self, path: str, query: Mapping[str, Any] | None = None, *, is_public: bool = False) -> Json:
        body: Json = self._repeat(path, lambda: self._ask("GET", path, query=query, is_public=is_public)).json()
        return body

    def _stream(self, path: str, query: Mapping[str, Any], *, accept: str) -> Iterator[bytes]:
        """Yield what a GET answers as it comes; raises AirflowApiError with status 0 when the line breaks."""
        import httpx2 as httpx

        answer = self._repeat(path, lambda: self._ask("GET", path, query=query, accept=accept))
        try:
            yield from answer.iter_bytes(CHUNK_BYTES)
        except httpx.TransportError as error:
            raise AirflowApiError(f"GET {path}", 0, f"{type(error).__name__} {error}".strip(), next_step=AWAY) from None
        finally:
            answer.close()

    def _repeat(self, path: str, ask: "Callable[[], httpx.Response]") -> "httpx.Response":
        def probe() -> "httpx.Response | NotYet":
            try:
                return ask()
            except AirflowApiError as error:
                if error.status:
                    raise
                return NotYet(str(error))

        try:
            return wait_until("an answer", probe, timeout_s=RETRY_GET_S, interval_s=1.0, clock=self._clock)
        except WaitTimeoutError as error:
            raise AirflowApiError(f"GET {path}", 0, str(error), next_step=AWAY) from None

    def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        is_public: bool = False,
        accept: str = "",
    ) -> "httpx.Response":
        """Return the answer; with `accept` it is a stream, and the caller closes it."""
        if not self._token and not is_public:
            self.login()
        path = f"/api/v2{path}"
        answer = self._attempt(method, path, body, query, accept)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            answer.close()
            self.login()
            answer = self._attempt(method, path, body, query, accept)
        if not answer.is_success:
            raise _refused(f"{method} {path}", answer)
        return answer

    def _attempt(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        query: Mapping[str, Any] | None = None,
        accept: str = "",
    ) -> "httpx.Response":
        import httpx2 as httpx

        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        if accept:
            headers["Accept"] = accept
        timeout = STREAM_TIMEOUT_S if accept else REQUEST_TIMEOUT_S
        request = self._client.build_request(method, path, json=body, params=query, headers=headers, timeout=timeout)
        started = self._clock.now()
        try:
            answer = self._client.send(request, stream=bool(accept))
            if not answer.is_success:
                answer.read()
        except httpx.TransportError as error:
            LOGGER.info("%.2f s, no answer: Airflow %s %s", self._clock.now() - started, method, path)
            raise AirflowApiError(
                f"{method} {path}",
                0,
                f"{type(error).__name__} {error}".strip(),
                next_step=AWAY,
            ) from None
        LOGGER.info("%.2f s, %s: Airflow %s %s", self._clock.now() - started, answer.status_code, method, path)
        return answer


def _refused(asked: str, answer: "httpx.Response") -> AirflowApiError:
    try:
        reason = str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        reason = answer.text.strip()[:300]
    next_step = ""
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        next_step = (
            "the Secret of the setting `login_secret` must hold the login that the admin was made with; on a cluster "
            "that is there, HARNESS_AIRFLOW_USERNAME and _PASSWORD, or HARNESS_AIRFLOW_TOKEN, stand for it"
        )
    return AirflowApiError(asked, answer.status_code, reason, next_step=next_step)
