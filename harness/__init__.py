"""Test harness and local dev environment for Airflow with the KubernetesExecutor on kind."""
