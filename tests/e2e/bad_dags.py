"""Every way in which a file of DAGs is wrong, and what the gate says of it."""

TO_IMAGE = "to harness/images/airflow/requirements.in, compile it (CONTRIBUTING.md, pins and locks), then `harness up`"
OTHER_ERROR = "correct it, or do it in a task: Airflow runs this line whenever it imports"
NO_DAG = '"""Airflow takes this for a file with a DAG."""\n'
STUBBORN = f"{NO_DAG}import time\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass\n"
# file -> its text, where the problem is, what it is, how to fix it.
BAD = {
    "syntax.py": (f"{NO_DAG}def x(:\n", "syntax.py:2", "SyntaxError: invalid syntax", "correct the syntax"),
    "provider.py": (
        f"{NO_DAG}from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator\n",
        "provider.py:2",
        "No module named 'airflow.providers.apache'",
        f"add apache-airflow-providers-apache-spark {TO_IMAGE}",
    ),
    "module.py": (
        f"{NO_DAG}import nowhere.at_all\n",
        "module.py:2",
        "No module named 'nowhere'",
        f"put nowhere.py into dags/, or add the package that brings `nowhere` {TO_IMAGE}",
    ),
    "deep/beside.py": (
        f"{NO_DAG}import neighbor\n",
        "deep/beside.py:2",
        "No module named 'neighbor'",
        "import it as `deep.neighbor`: names begin at dags/",
    ),
    "name.py": (
        f"{NO_DAG}from deep.neighbor import NOTHING\n",
        "name.py:2",
        "cannot import name 'NOTHING' from 'deep.neighbor' (dags/deep/neighbor.py)",
        "dags/deep/neighbor.py defines no `NOTHING`",
    ),
    "helped.py": (
        f"{NO_DAG}import deep.broken\n",
        "deep/broken.py:1",
        "ZeroDivisionError: division by zero (imported by dags/helped.py)",
        OTHER_ERROR,
    ),
    "cycle.py": (
        (
            "from airflow.providers.standard.operators.empty import EmptyOperator\nfrom airflow.sdk import DAG\n\n"
            'with DAG("cycle"):\n    a, b, c = [EmptyOperator(task_id=name) for name in "abc"]\n    a >> b >> c >> b\n'
        ),
        "cycle.py:4",
        "the tasks of the DAG `cycle` wait for each other: b >> c >> b",
        "take one of these dependencies away",
    ),
    "twin_1.py": (
        'from airflow.sdk import DAG\n\nwith DAG("twin"):\n    pass\n',
        "twin_2.py:3",
        "the DAG id `twin` is taken by dags/twin_1.py:3",
        "give one of the two another id",
    ),
    "executor.py": (
        (
            "from airflow.sdk import DAG, task\n\n"
            'with DAG("executor"):\n    @task(executor="Celery")\n    def work(): ...\n    work()\n'
        ),
        "executor.py:5",
        (
            "UnknownExecutorException: Task 'work' specifies executor 'Celery', which is not available. "
            "Make sure it is listed in your [core] executors configuration, or update the task's executor to use one "
            "of the configured executors."
        ),
        OTHER_ERROR,
    ),
    "exits.py": (
        f"{NO_DAG}exit(3)\n",
        "exits.py:2",
        "exit() at import (SystemExit: 3)",
        'put it below `if __name__ == "__main__":`, or into a task',
    ),
    "dies.py": (
        f"{NO_DAG}import os\nos._exit(0)\n",
        "dies.py:1",
        "its import ended the process (exit code 0)",
        "a DAG file must not end the process that imports it: do that in a task",
    ),
    "endless.py": (
        f"{NO_DAG}while True:\n    pass\n",
        "endless.py:2",
        "its import did not end in 2 s",
        "move what takes so long into a task; the limit is [core] dagbag_import_timeout",
    ),
    "stubborn.py": (
        STUBBORN,
        "stubborn.py:1",
        "its import did not end in 4 s",
        "move what takes so long into a task",
    ),
    "variable.py": (
        f'{NO_DAG}import os\nos.environ["API_URL"]\n',
        "variable.py:3",
        "the environment variable `API_URL` is not set",
        "add the key to the Secret airflow-variables, or read it inside of a task",
    ),
    "secret.py": (
        f'{NO_DAG}import os\nraise ValueError(os.environ["TOKEN"])\n',
        "secret.py:3",
        "ValueError: ***",
        OTHER_ERROR,
    ),
    "database.py": (
        f"{NO_DAG}from airflow.utils.session import create_session\nwith create_session():\n    pass\n",
        "database.py:3",
        "Direct database access via the ORM is not allowed in Airflow 3.0",
        "ask Airflow's API inside of a task",
    ),
}
HELPERS = {
    "deep/neighbor.py": "x = 1\n",
    "deep/broken.py": "1 / 0\n",
    "twin_2.py": 'from airflow.sdk import DAG\n\nwith DAG("twin"):\n    pass\n',
}
LIMITS = {"AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "2", "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "4"}
