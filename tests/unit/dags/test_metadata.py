"""A reset knows each table of Airflow's database: what it empties, and what it leaves."""

import pytest
from airflow.models import import_all_models
from airflow.models.base import Base

from harness.backup.metadata import EMPTIED, IN_PART

pytestmark = pytest.mark.processes  # of libraries that Airflow imports

# What follows from DAG files, from the setup, from logins, and from components that run.
LEFT = """
asset asset_active asset_alias asset_watcher dag dag_bundle dag_bundle_team dag_code dag_owner_attributes
dag_priority_parsing_request dag_schedule_asset_alias_reference dag_schedule_asset_name_reference
dag_schedule_asset_reference dag_schedule_asset_uri_reference dag_tag dag_version dag_warning deadline_alert
import_error job log_template revoked_token serialized_dag task_inlet_asset_reference task_outlet_asset_reference team
"""


def test_each_table_is_emptied_or_left_on_purpose() -> None:
    import_all_models()
    known = [*EMPTIED, *IN_PART, *LEFT.split()]
    assert sorted(known) == sorted(Base.metadata.tables)


def test_no_table_that_is_left_refers_to_one_that_is_emptied() -> None:
    import_all_models()
    tables = [table for name, table in Base.metadata.tables.items() if name not in EMPTIED]
    referred = {key.column.table.name for table in tables for key in table.foreign_keys}
    assert referred & set(EMPTIED) == set()
