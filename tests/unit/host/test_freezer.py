"""Thawing: all of one container's cgroups, and no other's."""

from pathlib import Path

from harness.host.freezer import thaw


def freeze(root: Path, folder: str, state: str = "FROZEN") -> Path:
    path = root / folder / "freezer.state"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{state}\n")
    return path


def test_frozen_cgroups_of_the_container_are_thawed(tmp_path: Path) -> None:
    own = [
        freeze(tmp_path, "docker/abc"),
        freeze(tmp_path, "docker/abc/kubelet/pod1"),
        freeze(tmp_path, "system.slice/docker-abc.scope", "FREEZING"),
    ]
    running = freeze(tmp_path, "docker/abc/init", "THAWED")
    other = freeze(tmp_path, "docker/def")
    assert thaw("abc", tmp_path) == 3
    assert [path.read_text() for path in own] == ["THAWED"] * 3
    assert running.read_text() == "THAWED\n"
    assert other.read_text() == "FROZEN\n"


def test_host_without_a_freezer(tmp_path: Path) -> None:
    assert thaw("abc", tmp_path / "none") == 0
