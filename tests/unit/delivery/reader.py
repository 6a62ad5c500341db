"""The chart's reader of versions: what the harness writes must be what it reads."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).parents[3] / "helm" / "tools" / "files" / "python" / "dag_versions.py"

_spec = importlib.util.spec_from_file_location("dag_versions", PATH)
assert _spec is not None
assert _spec.loader is not None
dag_versions = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(dag_versions)
