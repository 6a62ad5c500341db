"""The Registry's API for exports."""

from datetime import date
from http import HTTPStatus

import httpx

from jobs.errors import RejectedError, UnavailableError

TIMEOUT_S = 30.0
# A request that came too early, too often, or while the same one is still worked on: later it may do. So may any 5xx.
BUSY = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}


def connect(url: str, token: str, transport: httpx.BaseTransport | None = None) -> httpx.Client:
    """Return a client of the API at `url`."""
    return httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT_S, transport=transport
    )


def request_export(client: httpx.Client, day: date, key: str) -> str:
    """Ask for the export of a day and return its id.

    The service makes one export for a key, however often it is asked: a try whose answer was lost is safely repeated
    with the same key. Raises UnavailableError when another try may help, RejectedError when none can.
    """
    try:
        answer = client.post("/exports", json={"day": day.isoformat()}, headers={"Idempotency-Key": key})
    except httpx.TransportError as error:
        raise UnavailableError(f"no answer from {client.base_url}: {type(error).__name__} {error}") from error
    if answer.is_success:
        return str(answer.json()["id"])
    said = f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text[:200]}"
    if answer.is_server_error or answer.status_code in BUSY:
        raise UnavailableError(said, _retry_after_s(answer))
    raise RejectedError(said)


def _retry_after_s(answer: httpx.Response) -> float | None:
    # The header may also hold a date (RFC 9110, 10.2.3), and then the task's own backoff serves.
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdecimal() else None
