"""A task's log as Airflow's API streams it: one JSON document a line, structlog's event."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.excerpt import Line, split_lines

# What has a place of its own in the text, where in the code it was logged, and whose log it is.
_KNOWN = frozenset(
    {"timestamp", "level", "event", "error_detail", "logger", "filename", "lineno"}
    | {"ti_id", "dag_id", "run_id", "task_id", "map_index", "try_number"}
)
# The two fields that come first: of a line that was cut, more cannot be read.
_BEGINNING = re.compile(r'\{"timestamp":("[^"]*"|null),"event":"((?:[^"\\]|\\.)*+)')
# The group that Airflow puts before a log: where it was read, and what could not be.
_SOURCES = "::group::Log message source details"
_END = "::endgroup::"


@dataclass(frozen=True)
class LogEntry:
    """One event: `text` is a line or several, and `stack_trace` the lines of its errors.

    `is_source` tells that it is no line of the task's, but one of Airflow's about where the log was read.
    """

    event: str
    text: str
    level: str = ""
    logger: str = ""
    filename: str = ""
    stack_trace: tuple[str, ...] = ()
    is_source: bool = False

    @property
    def lines(self) -> list[str]:
        """Return all of its lines."""
        return [*self.text.split("\n"), *self.stack_trace]


def parse_log(chunks: Iterable[bytes]) -> Iterator[LogEntry]:
    """Yield the entries of a log as they come."""
    is_source = True
    for number, line in enumerate(filter(lambda line: line.content.strip(), split_lines(chunks))):
        item = _read(line)
        event = str(item.get("event", ""))
        is_source = is_source and (number > 0 or event == _SOURCES)
        yield _entry(item, event, is_source=is_source)
        is_source = is_source and event != _END


def _read(line: Line) -> dict[str, Any]:
    text = line.content.decode(errors="replace")
    if line.left_out and (found := _BEGINNING.match(text)):
        return {"timestamp": json.loads(found[1]), "event": f"{json.loads(f'{chr(34)}{found[2]}{chr(34)}')}{line.note}"}
    try:
        item = json.loads(text)
    except ValueError:
        item = None
    return item if isinstance(item, dict) else {"event": str(line)}


def _entry(item: dict[str, Any], event: str, *, is_source: bool) -> LogEntry:
    level = str(item.get("level") or "")
    rest = {key: value for key, value in item.items() if key not in _KNOWN and value is not None}
    text = " ".join(filter(None, (str(item.get("timestamp") or ""), level, event, str(rest) if rest else "")))
    trace = tuple(_stack_trace(item.get("error_detail") or []))
    logger, filename = (str(item.get(key) or "") for key in ("logger", "filename"))
    return LogEntry(event, text, level, logger, filename, trace, is_source)


def _stack_trace(stacks: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a stack trace's lines; Airflow keeps it as structlog's `ExceptionDictTransformer` makes it, causes last."""
    for stack in reversed(stacks):
        yield "Traceback (most recent call last):"
        for frame in stack.get("frames") or []:
            yield f'  File "{frame["filename"]}", line {frame["lineno"]}, in {frame["name"]}'
        yield from f"{stack['exc_type']}: {stack['exc_value']}".split("\n")
