"""What the jobs do, apart from when and where: the DAG files beside this package say that.

`exports`, `files` and `orders` know nothing of Airflow, so their tests need neither Airflow nor a container. The other
modules are what the DAG files share.
"""
