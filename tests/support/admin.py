"""Pools, variables and connections of Airflow, by its REST API: what a test plants and takes away."""

from dataclasses import dataclass
from urllib.parse import quote

from harness.tools.airflow import AirflowApi


@dataclass(frozen=True)
class Variable:
    """A variable of Airflow's database; a value that cannot be decrypted is None."""

    key: str
    value: str | None
    is_encrypted: bool


def make_pool(airflow: AirflowApi, name: str, slots: int) -> None:
    """Make a pool, which no other must be of that name."""
    airflow._ask("POST", "/pools", {"name": name, "slots": slots, "include_deferred": False})


def open_slots(airflow: AirflowApi, name: str) -> int:
    """Return how many more tasks a pool would let run now."""
    return int(airflow._get(f"/pools/{_id(name)}")["open_slots"])


def remove_pool(airflow: AirflowApi, name: str) -> None:
    """Remove a pool."""
    airflow._ask("DELETE", f"/pools/{_id(name)}")


def make_variable(airflow: AirflowApi, key: str, value: str) -> None:
    """Make a variable, which no other must be of that key."""
    airflow._ask("POST", "/variables", {"key": key, "value": value})


def find_variable(airflow: AirflowApi, key: str) -> Variable | None:
    """Return the variable, or None when there is none."""
    item = airflow._get_or_none(f"/variables/{_id(key)}")
    return None if item is None else Variable(item["key"], item.get("value"), item["is_encrypted"])


def remove_variable(airflow: AirflowApi, key: str) -> None:
    """Remove a variable."""
    airflow._ask("DELETE", f"/variables/{_id(key)}")


def make_connection(airflow: AirflowApi, connection_id: str, connection_type: str, password: str) -> None:
    """Make a connection, which no other must be of that id; the API never returns its password."""
    body = {"connection_id": connection_id, "conn_type": connection_type, "password": password}
    airflow._ask("POST", "/connections", body)


def remove_connection(airflow: AirflowApi, connection_id: str) -> None:
    """Remove a connection."""
    airflow._ask("DELETE", f"/connections/{_id(connection_id)}")


def _id(value: str) -> str:
    return quote(value, safe="~")
