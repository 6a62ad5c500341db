"""The follower: nothing lies between its list and its watch, and each gap is noted."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import urllib3

from harness.errors import HarnessError
from harness.observe import follower as module
from harness.observe.follower import Follower
from harness.tools import Json
from harness.tools.k8s import Objects, WatchEvent
from harness.waiting import NotYet, wait_until

from ..fakes.clock import FakeTime
from ..fakes.kubernetes import FakeApiServer, Response, worker_pod
from .samples import at

REFUSED = Response(500, b"etcd is away")


class Seen:
    """Remembers what came, and takes an object by name as broken."""

    def __init__(self) -> None:
        self.lists: list[list[str]] = []
        self.changes: list[str] = []
        self.rests = 0

    def listed(self, objects: Objects, seen: datetime) -> None:
        assert seen == at(0)
        self.lists.append([item["metadata"]["name"] for item in objects])

    def changed(self, event: WatchEvent, seen: datetime) -> None:
        assert seen == at(0)
        self.changes.append(f"{event.type} {event.object['metadata']['name']}")
        if event.object["metadata"]["name"] == "broken":
            raise ValueError("unreadable")

    def rested(self, seen: datetime) -> None:
        assert seen == at(0)
        self.rests += 1


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def follower(server: FakeApiServer, seen: Seen, monkeypatch: pytest.MonkeyPatch) -> Iterator[Follower]:
    server.put("pods", pod("first"))
    made = Follower(server.client(monkeypatch), "Pod", "tools", seen, now=lambda: at(0), clock=FakeTime().clock)
    yield made
    made.stop()
    made.join()


def pod(name: str) -> Json:
    return worker_pod(name)


def wait_for(seen: Seen, *changes: str) -> None:
    wait_until(
        "changes", lambda: seen.changes == list(changes) or NotYet(str(seen.changes)), timeout_s=5, interval_s=0.01
    )


def test_goes_on_from_its_list(server: FakeApiServer, follower: Follower, seen: Seen) -> None:
    follower.list_now()
    server.put("pods", pod("between"))
    follower.start()
    wait_for(seen, "ADDED between")
    wait_until("a rest", lambda: seen.rests > 0 or NotYet(""), timeout_s=5, interval_s=0.01)
    assert seen.lists == [["first"]]
    assert follower.gaps == []


def test_without_a_list_it_takes_one_itself(follower: Follower, seen: Seen) -> None:
    follower.start()
    wait_until("a list", lambda: seen.lists == [["first"]] or NotYet(""), timeout_s=5, interval_s=0.01)


def test_broken_line_loses_nothing_and_is_noted(server: FakeApiServer, follower: Follower, seen: Seen) -> None:
    follower.list_now()
    server.refusals = [urllib3.exceptions.ProtocolError("reset"), OSError("refused")]
    server.put("pods", pod("a"))
    server.remove("pods", "tools", "a")
    follower.start()
    wait_for(seen, "ADDED a", "DELETED a")
    assert seen.lists == [["first"]]
    (gap,) = follower.gaps
    assert (gap.start, gap.end, gap.has_list) == (at(0), at(0), False)
    assert "reset" in gap.reason


def test_version_that_is_no_longer_kept_is_bridged_by_a_list(
    server: FakeApiServer, follower: Follower, seen: Seen
) -> None:
    follower.list_now()
    server.put("pods", pod("a"))
    server.compact()
    follower.start()
    wait_until("a list", lambda: len(seen.lists) > 1 or NotYet(""), timeout_s=5, interval_s=0.01)
    server.put("pods", pod("b"))
    wait_for(seen, "ADDED b")
    assert seen.lists == [["first"], ["first", "a"]]
    assert [(gap.end, gap.has_list) for gap in follower.gaps] == [(at(0), True)]


def test_starting_api_server_is_asked_until_it_lists(server: FakeApiServer, follower: Follower, seen: Seen) -> None:
    follower.list_now()
    server.refusals = [OSError("refused"), REFUSED, REFUSED, OSError("again")]
    server.put("pods", pod("a"))
    follower.start()
    wait_until("a list", lambda: len(seen.lists) > 1 or NotYet(""), timeout_s=5, interval_s=0.01)
    assert seen.lists[1] == ["first", "a"]
    (gap,) = follower.gaps
    assert gap.has_list
    assert "refused" in gap.reason


def test_gives_up_when_the_api_server_stays_away(
    server: FakeApiServer, follower: Follower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RECONNECT_S", 3.0)
    server.refusals = [REFUSED] * 100
    follower.start()
    error = wait_until("the end", lambda: follower.error or NotYet(""), timeout_s=5, interval_s=0.01)
    assert "etcd is away" in str(error)
    assert [gap.end for gap in follower.gaps] == [None]


def test_unreadable_object_ends_it_loudly(server: FakeApiServer, follower: Follower) -> None:
    follower.start()
    server.put("pods", pod("broken"))
    server.put("pods", pod("broken"))

    def probe() -> HarnessError | NotYet:
        return follower.error or NotYet("")

    assert "ValueError: unreadable" in str(wait_until("the end", probe, timeout_s=5, interval_s=0.01))
