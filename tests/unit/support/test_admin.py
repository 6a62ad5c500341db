"""What tests plant in Airflow: the requests that are sent, and what is read of the answers."""

import json

import pytest

from support.admin import (
    Variable,
    find_variable,
    make_connection,
    make_pool,
    make_variable,
    open_slots,
    remove_connection,
    remove_pool,
    remove_variable,
)

from ..fakes.airflow import FakeAirflow


@pytest.fixture
def server() -> FakeAirflow:
    return FakeAirflow()


def test_variable_tells_whether_it_is_stored_encrypted(server: FakeAirflow) -> None:
    server.answers["/api/v2/variables/a/b"] = {"key": "a/b", "value": "x", "description": None, "is_encrypted": True}
    airflow = server.client()
    assert find_variable(airflow, "a/b") == Variable("a/b", "x", is_encrypted=True)
    assert server.requests[-1].url.raw_path.endswith(b"/variables/a%2Fb")
    assert find_variable(airflow, "none") is None


def test_pools_variables_connections_are_made_and_removed(server: FakeAirflow) -> None:
    for path in ("/pools", "/pools/p", "/variables", "/variables/a", "/connections", "/connections/b"):
        server.answers[f"/api/v2{path}"] = {"open_slots": 2} if path == "/pools/p" else {}
    airflow = server.client()
    make_pool(airflow, "p", 2)
    make_variable(airflow, "a", "x")
    make_connection(airflow, "b", "http", "y")
    bodies = [json.loads(request.content) for request in server.requests if request.method == "POST"][1:]
    assert bodies == [
        {"name": "p", "slots": 2, "include_deferred": False},
        {"key": "a", "value": "x"},
        {"connection_id": "b", "conn_type": "http", "password": "y"},
    ]
    assert open_slots(airflow, "p") == 2
    remove_pool(airflow, "p")
    remove_variable(airflow, "a")
    remove_connection(airflow, "b")
    assert server.paths("DELETE") == ["/api/v2/pools/p", "/api/v2/variables/a", "/api/v2/connections/b"]
