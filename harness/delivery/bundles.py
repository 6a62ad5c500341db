"""The DAG bundles of the chart's values: what Airflow calls each, its ConfigMap, and whether it has versions."""

from typing import Any

from harness.delivery.target import Target
from harness.errors import UsageError
from harness.settings import Settings


def find_target(settings: Settings, bundle: str = "") -> Target:
    """Return where a bundle's files go, by default those of the DAGs folder.

    Raises UsageError when the values have no such bundle.
    """
    bundle = bundle or settings.dags_bundle
    bundles = {item["name"]: item for item in _bundles(settings)}
    if bundle not in bundles:
        raise UsageError(
            f"the chart's values have no DAG bundle `{bundle}`; there are: {', '.join(bundles)}",
            next_step="see `dags.bundles` in the values",
        )
    found = bundles[bundle]
    is_versioned = bool(found.get("versioned"))
    return Target(
        settings.namespace,
        found["configMap"],
        bundle,
        settings.name,
        is_versioned=is_versioned,
        readers=settings.dag_processor,
    )


def _bundles(settings: Settings) -> list[dict[str, Any]]:
    """Return the list of the last values file that has one: Helm replaces lists, it does not merge them.

    A chart without such values is taken to mount the ConfigMap that the settings name.
    """
    import yaml

    found: list[dict[str, Any]] = [{"name": settings.dags_bundle, "configMap": settings.dags_config_map}]
    for path in (settings.chart_folder / "values.yaml", *settings.values_files):
        values = yaml.safe_load(path.read_text()) if path.is_file() else None
        dags = (values or {}).get("dags")
        found = (dags.get("bundles") if isinstance(dags, dict) else None) or found
    return found
