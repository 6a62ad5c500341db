"""One task where the default executor puts it, and one that chooses the KubernetesExecutor."""

import os

from airflow.sdk import dag, task


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_executors() -> None:
    @task
    def by_default() -> bool:
        return "KUBERNETES_SERVICE_HOST" in os.environ

    @task(executor="KubernetesExecutor")
    def chosen(is_in_cluster: bool) -> bool:
        return is_in_cluster

    chosen(by_default())


e2e_executors()
