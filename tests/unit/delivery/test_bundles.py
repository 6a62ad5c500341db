"""Where a bundle's files go, by the chart's values and overlays."""

from pathlib import Path

import pytest

from harness.delivery.bundles import find_target
from harness.errors import UsageError
from harness.settings import Settings

from ..samples import settings_of


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    found = settings_of(tmp_path)
    for path in (found.chart_folder, *(file.parent for file in found.values_files)):
        path.mkdir(parents=True, exist_ok=True)
    return found


def test_the_last_values_file_that_has_bundles_wins(settings: Settings) -> None:
    (settings.chart_folder / "values.yaml").write_text(
        "dags: {bundles: [{name: dags, configMap: airflow-dags, versioned: true}]}"
    )
    found = find_target(settings)
    assert (found.config_map, found.is_versioned, found.environment) == ("airflow-dags", True, settings.name)
    settings.values_files[0].write_text("dags: {bundles: [{name: dags, configMap: team-dags}]}")
    found = find_target(settings)
    assert (found.config_map, found.is_versioned) == ("team-dags", False)
    settings.values_files[0].write_text("workers: {}")
    assert find_target(settings).config_map == "airflow-dags"


def test_chart_without_bundles_mounts_one_config_map(settings: Settings) -> None:
    found = find_target(settings)
    assert (found.config_map, found.bundle, found.is_versioned) == ("airflow-dags", "dags", False)


def test_an_unknown_bundle_names_those_there_are(settings: Settings) -> None:
    with pytest.raises(UsageError, match="have no DAG bundle `other`; there are: dags"):
        find_target(settings, "other")


def test_chart_without_such_values_mounts_what_the_settings_name(tmp_path: Path) -> None:
    other = settings_of(tmp_path, dags_bundle="flights", dags_config_map="flight-dags", dag_processor="role=brain")
    other.chart_folder.mkdir(parents=True)
    (other.chart_folder / "values.yaml").write_text("dags: flight-dags\n")
    found = find_target(other)
    assert (found.bundle, found.config_map, found.readers) == ("flights", "flight-dags", "role=brain")
