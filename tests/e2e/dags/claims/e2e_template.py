"""A task whose pod is made of a template of the chart's values, beside one that takes the common pod."""

import time

from airflow.sdk import dag, task

SMALL = {"pod_template_file": "/opt/airflow/pod_template/small.yaml"}
# The test looks at both pods while their tasks run.
WORK_S = 15


@dag(schedule=None, catchup=False, tags=["e2e"])
def e2e_template() -> None:
    @task(executor_config=SMALL)
    def small() -> None:
        time.sleep(WORK_S)

    @task
    def common() -> None:
        time.sleep(WORK_S)

    small()
    common()


e2e_template()
