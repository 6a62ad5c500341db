"""What a person asks of a DAG run: its conf and its logical date, checked before anything is started."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Never

from harness.errors import UsageError
from harness.tools.airflow_records import NOW, LogicalDate

EXAMPLE = """give a JSON object in quotes: --conf '{"day": "2026-01-31"}'"""
NONE = "none"
RUN_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class RunRequest:
    """A run's conf and its logical date."""

    conf: dict[str, Any]
    logical_date: LogicalDate = NOW


def parse_request(conf: str, logical_date: str = NOW) -> RunRequest:
    """Return what a person typed; raises UsageError for what is no run's conf or no date."""
    return RunRequest(parse_conf(conf), parse_logical_date(logical_date))


def parse_logical_date(text: str) -> LogicalDate:
    """Return a date from ISO 8601, UTC when it does not say; `now` is the time of the trigger, `none` is None."""
    if text == NOW:
        return NOW
    if text == NONE:
        return None
    try:
        date = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--logical-date is no date: {error}",
            next_step="give one such as 2026-01-31, 2026-01-31T06:00Z, now or none",
        ) from None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def parse_conf(text: str) -> dict[str, Any]:
    """Return a run's conf; raises UsageError when the text is not a JSON object that Airflow can keep."""
    try:
        conf = json.loads(
            text or "{}", parse_constant=_refuse_constant, parse_float=_parse_float, object_pairs_hook=_parse_object
        )
        # Only a whole character can be sent, and Airflow's database has no NUL in JSON.
        has_nul = "\\u0000" in json.dumps(conf).replace("\\\\", "")  # a backslash of the text's is two there
        json.dumps(conf, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise UsageError("--conf holds half of a character, which is no text", next_step=EXAMPLE) from None
    except ValueError as error:
        raise UsageError(f"--conf is not JSON: {error}", next_step=EXAMPLE) from None
    except RecursionError:
        raise UsageError("--conf is nested too deep", next_step=EXAMPLE) from None
    if not isinstance(conf, dict):
        raise UsageError(f"--conf is JSON, but no object: {text}", next_step=EXAMPLE)
    if has_nul:
        raise UsageError("--conf holds the character NUL, which no database of Airflow keeps", next_step=EXAMPLE)
    return conf


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is no number of JSON")


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is too large a number")
    return number


def _parse_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a key that stands twice: one of its values would be lost."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in names if names.count(key) > 1)!r} stands twice in an object")
    return found
