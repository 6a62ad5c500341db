"""Whose matter a red test is, by rules over what failed and what the session knows; the first that fits wins."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.observe.follower import Gap
from harness.report.records import RED, Case, Failure, Session

Party = Literal["product", "Airflow", "cluster", "host"]

HOST = re.compile(
    r"\bkind (create|load)\b|container engine|[Dd]ocker|no space left|port \d+ .*(taken|in use)|address already in use"
    r"|free (disk|memory)|does not fit on the nodes|command not found|\bapt-get\b",
)
CLUSTER = re.compile(
    r"Kubernetes API, .*: (no answer|the line broke|5\d\d)|not Ready|NodeNotReady|cluster DNS does not answer"
    r"|recording of worker pods ended early|^(\S+Error: )?cluster \S+: not reached",
)
AIRFLOW = re.compile(r"Airflow API: .* (got no answer|answered 5\d\d)|never seen|unhealthy|Airflow at \S+: not reached")


@dataclass(frozen=True)
class Blame:
    """Whose matter it is, and by what that is known."""

    party: Party
    reason: str


def blame(case: Case, session: Session) -> Blame | None:
    """Return whose matter a red test is, None for one that is not red.

    `product` is this project, its chart and its DAGs: what no other rule claims.
    """
    if case.verdict not in RED:
        return None
    if case.verdict == "interrupted":
        return Blame("host", "the session was ended from outside")
    if case.verdict == "xpassed" or any("[XPASS(strict)]" in failure.line for failure in case.failures):
        return Blame("Airflow", "what Airflow is known to get wrong went well: look whether it is mended")
    for party, pattern in (("host", HOST), ("cluster", CLUSTER), ("Airflow", AIRFLOW)):
        if found := _find(pattern, case.failures):
            return Blame(party, f"the error says: {found}")  # type: ignore[arg-type]
    if gap := _gap_in(case, session):
        return Blame("cluster", f"the watch on the pods had a gap: {gap.reason}")
    return Blame("product", "nothing points to the host, the cluster or Airflow")


def _find(pattern: re.Pattern[str], failures: Sequence[Failure]) -> str:
    """Return the first match in the failures' own lines: the long texts quote sources, which name everything."""
    matches = (pattern.search(failure.line) for failure in failures)
    return next((match.group() for match in matches if match), "")


def _gap_in(case: Case, session: Session) -> Gap | None:
    """Return the first gap of the recording in a test that injected no fault: such a fault may make gaps itself."""
    if case.start is None or case.injections:
        return None
    start, end = case.start, case.end or session.end
    return next(
        (gap for gap in session.gaps if (gap.end is None or gap.end >= start) and (end is None or gap.start <= end)),
        None,
    )
