"""What a reset empties of Airflow's database, and what it leaves."""

# What runs made, and what people made of connections, variables and the like. All other tables stay: what follows from
# the DAG files, what the setup made, users and their logins, and the components' own jobs.
EMPTIED = (
    *("asset_alias_asset", "asset_alias_asset_event", "asset_dag_run_queue", "asset_event", "asset_partition_dag_run"),
    *("asset_state_store", "backfill", "backfill_dag_run", "callback", "connection", "connection_test_request"),
    *("dag_favorite", "dag_run", "dag_run_note", "dagrun_asset_event", "deadline", "hitl_detail"),
    *("hitl_detail_history", "log", "partitioned_asset_key_log", "rendered_task_instance_fields", "task_instance"),
    *("task_instance_history", "task_instance_note", "task_map", "task_reschedule", "task_state_store", "variable"),
    "xcom",
)
# Tables of which a part stays: the triggers of asset watchers, which follow from DAG files, and the pool of all tasks.
IN_PART = ("slot_pool", "trigger")
LOCK_S = 10


def reset_statement(default_slots: int) -> str:
    """Return one SQL statement, all or nothing, that leaves the metadata as freshly installed, and the DAGs."""
    names = ", ".join(f"'{name}'" for name in EMPTIED)
    return f"""DO $$ BEGIN
SET LOCAL lock_timeout = '{LOCK_S}s';
EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') FROM pg_tables
  WHERE schemaname = current_schema() AND tablename IN ({names}));
DELETE FROM trigger WHERE id NOT IN (SELECT trigger_id FROM asset_watcher);
DELETE FROM slot_pool WHERE pool <> 'default_pool';
UPDATE slot_pool SET slots = {default_slots}, include_deferred = false;
UPDATE dag SET exceeds_max_non_backfill = false;
END $$"""  # noqa: S608 - the names are ours, and the number is one
