"""Mapped tasks and groups, one of length zero, between a setup and its teardown."""

from airflow.sdk import dag, setup, task, task_group, teardown


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_groups() -> None:
    @setup
    def set_up() -> list[str]:
        return ["a", "b"]

    @task
    def find_none() -> list[str]:
        return []

    @task
    def handle(name: str) -> str:
        return name

    @task_group
    def group(name: str) -> None:
        handle.override(task_id="inner")(name)

    @teardown
    def tear_down() -> None:
        """Do nothing."""

    names = set_up()
    names >> handle.expand(name=find_none())
    names >> group.expand(name=names) >> tear_down().as_teardown(setups=names)


e2e_groups()
