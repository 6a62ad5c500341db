"""Dynamic task mapping: how many tasks run is known only when the list is there.

Each mapped task has a pod of its own.
"""

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["example"], default_args={"owner": "platform"}, doc_md=__doc__)
def mapped() -> None:
    """Map over a list that a task makes."""

    @task
    def list_orders() -> list[dict[str, int]]:
        """Return the orders of the day; a real one would ask a database."""
        return [{"quantity": 2, "price": 30}, {"quantity": 1, "price": 15}, {"quantity": 5, "price": 4}]

    @task
    def value_of(order: dict[str, int]) -> int:
        """Return what one order is worth."""
        return order["quantity"] * order["price"]

    @task
    def add_up(values: list[int]) -> int:
        """Return the day's total."""
        return sum(values)

    add_up(value_of.expand(order=list_orders()))


mapped()
