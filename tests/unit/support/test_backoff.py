"""The backoff: the very seconds that Airflow 3.3.2 computes."""

import pytest

from support.backoff import LONGEST_S, backoff_s


# What `TaskInstance.next_retry_datetime` of apache-airflow 3.3.2 returned for these.
@pytest.mark.parametrize(
    ("task_id", "try_number", "max_delay_s", "seconds"),
    [
        ("free", 1, LONGEST_S, 5),
        ("free", 2, LONGEST_S, 15),
        ("free", 3, LONGEST_S, 18),
        ("free", 9, LONGEST_S, 1156),
        ("limited", 1, 5, 4),
        ("limited", 2, 5, 5),
        ("limited", 9, 5, 5),
    ],
)
def test_backoff_is_airflow_s(task_id: str, try_number: int, max_delay_s: float, seconds: float) -> None:
    assert backoff_s("e2e_backoff", task_id, try_number, delay_s=4, multiplier=2, max_delay_s=max_delay_s) == seconds


def test_delay_is_a_second_at_least_and_a_day_at_most() -> None:
    assert backoff_s("a", "b", 1, delay_s=0, multiplier=2) == 1
    assert backoff_s("a", "b", 60, delay_s=60, multiplier=2) == LONGEST_S
