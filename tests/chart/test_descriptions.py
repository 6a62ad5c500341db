"""Every value has a description: in values.yaml, and so in the schema, which editors read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from .generated import Keep
from .render import CHART

Schema = dict[str, Any]
SCHEMA = CHART / "values.schema.json"
VALUES = CHART / "values.yaml"
MARK = "# -- "
INDENT = 2


COMPONENTS = (
    *("apiServer", "cleanup", "dagProcessor", "metrics", "postgresql", "scheduler", "setup", "test", "triggerer"),
    *("podCleanup", "workers"),
)


def test_the_schema_says_what_values_yaml_says(keep: Keep) -> None:
    schema = json.loads(SCHEMA.read_text())
    for part in (*(schema["properties"][name] for name in COMPONENTS), schema["$defs"]["workerTemplate"]):
        part["properties"] = deepcopy(schema["$defs"]["component"]["properties"]) | part["properties"]
    comments = descriptions()
    for path, child in own_properties(schema):
        if path in comments:
            child["description"] = comments.pop(path)
    assert not comments, "values.yaml describes what the schema does not have"
    keep(SCHEMA, json.dumps(schema, indent=2) + "\n")


def test_every_key_of_the_schema_has_a_description() -> None:
    schema = json.loads(SCHEMA.read_text())
    # Below `config` the keys are Airflow's own.
    parts = {name: part for name, part in schema["$defs"].items() if name != "config"}
    places = [own_properties(schema), *(own_properties(part, name) for name, part in parts.items())]
    assert [path for place in places for path, child in place if not child.get("description")] == []


def own_properties(schema: Schema, path: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield every property below a level, those of the items of a list too, by its dotted path."""
    for name, child in schema.get("properties", {}).items():
        here = f"{path}.{name}".removeprefix(".")
        yield here, child
        yield from own_properties(child, here)
        yield from own_properties(child.get("items", {}), f"{here}[]")


def descriptions() -> dict[str, str]:
    """Return the comments of values.yaml by the dotted path of the value below each; images share one definition."""
    found: dict[str, str] = {}
    path: list[str] = []
    said = ""
    for line in VALUES.read_text().splitlines():
        text = line.strip()
        if text.startswith(MARK):
            said = text.removeprefix(MARK)
        elif text.startswith("#") and said:
            said += f" {text.removeprefix('#').strip()}"
        elif ":" in text:
            depth = (len(line) - len(line.lstrip())) // INDENT
            path = [*path[:depth], text.partition(":")[0]]
            if said and path[0] != "images":
                found[".".join(path)] = said
            said = ""
    return found
