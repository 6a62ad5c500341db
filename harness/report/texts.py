"""Texts made fit for people: a worker's structured log lines, and what may leave the machine."""

import json
from typing import Any

from harness.redact import redact


def format_log(text: str, *, most_lines: int) -> str:
    """Return the last lines of a worker's log, each structured one as time, level and event."""
    return "\n".join(map(_readable, text.splitlines()[-most_lines:]))


def _readable(line: str) -> str:
    try:
        entry = json.loads(line)
        time, level, event = entry["timestamp"], entry.get("level", ""), entry["event"]
    except (ValueError, KeyError, TypeError):
        return line
    errors = [f"{error.get('exc_type')}: {error.get('exc_value')}" for error in entry.get("error_detail") or []]
    return f"{time[11:23]} {level:<7} {' | '.join([event, *errors])}"


def pluralize(word: str, number: int) -> str:
    """Return `tries` for several of a `try`, and the like."""
    if number == 1:
        return word
    return f"{word[:-1]}ies" if word.endswith("ry") else f"{word}s"


def count_things(number: int, word: str) -> str:
    """Return the number with its word."""
    return f"{number} {pluralize(word, number)}"


def redact_all(value: Any) -> Any:
    """Return what JSON can hold with all texts in it redacted, keys too."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact_all(key): redact_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_all(item) for item in value]
    return value
