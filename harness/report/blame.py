"""Whose matter a red test is: what its error's class says, and what the session knows; the first that fits wins."""

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.errors import HarnessError, Party
from harness.observe.follower import Gap
from harness.report.records import RED, Case, Session

# What the operating system refuses for want of something that the machine should have.
LACKS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EADDRINUSE})


@dataclass(frozen=True)
class Blame:
    """Whose matter it is, and by what that is known."""

    party: Party
    reason: str


def find_blame(case: Case, session: Session) -> Blame | None:
    """Return whose matter a red test is, None for one that is not red.

    `product` is this project, its chart and its DAGs: what no other rule claims.
    """
    if case.verdict not in RED:
        return None
    if case.verdict == "interrupted":
        return Blame("host", "the session was ended from outside")
    if case.verdict == "xpassed" or any("[XPASS(strict)]" in failure.line for failure in case.failures):
        return Blame("Airflow", "what Airflow is known to get wrong went well: look whether it is fixed")
    return next(_find_reasons(case, session), Blame("product", "nothing points to the host, the cluster or Airflow"))


def _find_reasons(case: Case, session: Session) -> Iterator[Blame]:
    for failure in case.failures:
        if failure.party != "product":
            yield Blame(failure.party, f"the error says so: {failure.line}")
    for gap in _select_gaps(session.gaps, case, session):
        yield Blame("cluster", f"the watch on the pods had a gap: {gap.reason}")
    for outage in _select_gaps(session.outages, case, session):
        yield Blame("Airflow", f"its API was away: {outage.reason}")


def find_party(error: BaseException | None) -> Party:
    """Return whose matter an error is: by its class, or by that of the error that it was raised from.

    `product` when none of them says anything else.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, HarnessError) and error.party != "product":
            return error.party
        if isinstance(error, OSError) and error.errno in LACKS:
            return "host"
        error = error.__cause__
    return "product"


def _select_gaps(gaps: Iterable[Gap], case: Case, session: Session) -> list[Gap]:
    """Return those of the gaps in a test that injected no fault: such a fault may make gaps itself."""
    if case.start is None or case.injections:
        return []
    start, end = case.start, case.end or session.end
    return [gap for gap in gaps if (gap.end is None or gap.end >= start) and (end is None or gap.start <= end)]
