"""The DAGs' way: a folder, packed into a ConfigMap, onto the cluster, until Airflow runs that version."""
