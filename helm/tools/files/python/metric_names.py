"""Names of metrics that StatsD can carry, whatever a DAG or a task is called.

Without this, Airflow refuses a name that is not ASCII or longer than 250 characters, and with the name the work that it
would have timed: such a DAG never runs a task.
"""

from __future__ import annotations

import re
from hashlib import sha256

UNKNOWN = re.compile(r"[^A-Za-z0-9_./-]")
LONGEST = 250  # of a whole name, as in Airflow's own check
LONGEST_NAME = 200
LONGEST_VALUE = 40


def make_stat_name(stat: str) -> str:
    """Return `stat`, a name and perhaps labels (`name,label=value,...`), in ASCII and short.

    What is changed ends with a hash, so that two of them stay apart; what Airflow accepts is left as it is.
    """
    name, *labels = stat.split(",")
    is_long = len(stat) > LONGEST
    pairs = [label.split("=", 1) for label in labels]
    shown = [(_shorten(key, is_long), _shorten(value, is_long)) for key, value in pairs]
    return ",".join([_shorten(name, is_long, LONGEST_NAME), *("=".join(pair) for pair in shown)])


def _shorten(word: str, is_long: bool, longest: int = LONGEST_VALUE) -> str:
    shown = UNKNOWN.sub("_", word)[: longest if is_long else None]
    return shown if shown == word else f"{shown}-{sha256(word.encode()).hexdigest()[:8]}"
