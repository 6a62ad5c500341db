"""The request for an export: what is sent, and which answers are worth another try."""

import json
from collections.abc import Callable
from datetime import date

import httpx
import pytest

from jobs.errors import RejectedError, UnavailableError
from jobs.exports import connect, request_export

DAY = date(2026, 11, 23)
Handler = Callable[[httpx.Request], httpx.Response]


def ask(handler: Handler) -> str:
    with connect("http://registry", "secret", httpx.MockTransport(handler)) as client:
        return request_export(client, DAY, "call_api/run-1/request")


def test_asks_for_the_day_with_key_and_token() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert (request.method, request.url.path) == ("POST", "/exports")
        assert json.loads(request.content) == {"day": "2026-11-23"}
        assert request.headers["Idempotency-Key"] == "call_api/run-1/request"
        assert request.headers["Authorization"] == "Bearer secret"
        return httpx.Response(201, json={"id": "e-1"})

    assert ask(answer) == "e-1"


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504])
def test_answer_that_may_change_is_worth_another_try(status: int) -> None:
    with pytest.raises(UnavailableError, match=f"answered {status}: later") as caught:
        ask(lambda _: httpx.Response(status, text="later"))
    assert caught.value.retry_after_s is None


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_not(status: int) -> None:
    with pytest.raises(RejectedError, match=f"POST http://registry/exports answered {status}: no"):
        ask(lambda _: httpx.Response(status, text="no"))


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("Wed, 25 Nov 2026 07:28:00 GMT", None), ("soon", None)])
def test_the_wait_that_the_service_asks_for_is_told(header: str, seconds: float | None) -> None:
    with pytest.raises(UnavailableError) as caught:
        ask(lambda _: httpx.Response(429, headers={"Retry-After": header}))
    assert caught.value.retry_after_s == seconds


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("too slow")])
def test_no_answer_is_worth_another_try(error: httpx.TransportError) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(UnavailableError, match=f"no answer from http://registry.*{type(error).__name__}"):
        ask(fail)


def test_no_error_holds_the_token() -> None:
    with pytest.raises(RejectedError) as caught:
        ask(lambda _: httpx.Response(401, text="who are you?"))
    assert "secret" not in str(caught.value)
