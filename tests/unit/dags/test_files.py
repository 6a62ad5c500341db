"""Files are moved whole, once, and a killed move is finished by the next."""

from pathlib import Path

import pytest

from jobs.files import move, move_all


@pytest.fixture
def incoming(tmp_path: Path) -> Path:
    folder = tmp_path / "incoming"
    folder.mkdir()
    (folder / "a.csv").write_text("a")
    (folder / "b.csv").write_text("b")
    return folder


@pytest.fixture
def accepted(tmp_path: Path) -> Path:
    return tmp_path / "accepted"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_all_files_are_moved_with_their_content(incoming: Path, accepted: Path) -> None:
    assert move_all(incoming, accepted) == ["a.csv", "b.csv"]
    assert names(incoming) == []
    assert {path.name: path.read_text() for path in accepted.iterdir()} == {"a.csv": "a", "b.csv": "b"}


def test_a_second_time_there_is_nothing_to_do(incoming: Path, accepted: Path) -> None:
    move_all(incoming, accepted)
    assert move_all(incoming, accepted) == []
    assert names(accepted) == ["a.csv", "b.csv"]


def test_what_is_still_written_stays(incoming: Path, accepted: Path) -> None:
    (incoming / "c.csv.part").write_text("half")
    (incoming / ".hidden").write_text("")
    (incoming / "folder").mkdir()
    assert move_all(incoming, accepted) == ["a.csv", "b.csv"]
    assert names(incoming) == [".hidden", "c.csv.part", "folder"]


def test_another_file_of_the_same_name_is_not_overwritten(incoming: Path, accepted: Path) -> None:
    accepted.mkdir()
    (accepted / "b.csv").write_text("other")
    with pytest.raises(FileExistsError, match=r"b\.csv is there already"):
        move_all(incoming, accepted)
    assert (accepted / "b.csv").read_text() == "other"
    assert names(incoming) == ["b.csv"]


def test_a_move_killed_while_it_copied_is_done_again(incoming: Path, accepted: Path) -> None:
    accepted.mkdir()
    (accepted / ".a.csv.part").write_text("longer than the file, of a try before")
    move(incoming / "a.csv", accepted / "a.csv")
    assert names(accepted) == ["a.csv"]
    assert (accepted / "a.csv").read_text() == "a"


def test_a_move_killed_before_it_removed_the_source_is_finished(incoming: Path, accepted: Path) -> None:
    accepted.mkdir()
    (accepted / "a.csv").write_text("a")
    move(incoming / "a.csv", accepted / "a.csv")
    assert names(incoming) == ["b.csv"]


def test_a_file_that_changes_while_it_is_copied_stays(
    incoming: Path, accepted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy_and_change(reading: object, writing: object, _: int) -> None:
        writing.write(reading.read())  # type: ignore[attr-defined]
        (incoming / "a.csv").write_text("more")

    accepted.mkdir()
    monkeypatch.setattr("shutil.copyfileobj", copy_and_change)
    with pytest.raises(OSError, match="was it changed meanwhile"):
        move(incoming / "a.csv", accepted / "a.csv")
    assert not (accepted / "a.csv").exists()
    assert (incoming / "a.csv").read_text() == "more"
