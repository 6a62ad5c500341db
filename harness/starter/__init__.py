"""A project to begin with: its settings, a DAG, the DAG's end-to-end test, and a CI workflow."""
