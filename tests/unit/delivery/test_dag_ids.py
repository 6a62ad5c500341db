"""Which DAGs a file's text surely defines."""

import pytest

from harness.delivery.dag_ids import find_dag_ids


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("@dag\ndef a(): ...\na()", {"a"}),
        ("@dag(schedule=None)\ndef a(): ...\nb = a()", {"a"}),
        ("@sdk.dag(dag_id='b')\ndef a(): ...\na()", {"b"}),
        ("@dag('b')\ndef a(): ...\na()", {"b"}),
        ("with DAG('a') as d, open('x'): ...", {"a"}),
        ("d: DAG = airflow.DAG(dag_id='a', schedule=None)", {"a"}),
        ("@dag(dag_id=NAME)\ndef a(): ...\na()", set()),
        ("@dag(**OPTIONS)\ndef a(): ...\na()", set()),
        ("DAG(NAME)", set()),
        ("@dag\ndef a(): ...", set()),
        ("@task\ndef a(): ...\na()", set()),
        ("def make():\n  return DAG('a')", set()),
        ("def helper(): ...", set()),
        ("not python", set()),
    ],
)
def test_finds_dag_ids(text: str, ids: set[str]) -> None:
    assert find_dag_ids(text) == ids
