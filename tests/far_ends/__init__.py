"""The other ends of the jobs of `dags/`, for the tests of DAGs and those on the cluster."""
