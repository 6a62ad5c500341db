"""PostgreSQL's own clients: which of them run, on what, and in which order."""

from pathlib import Path

import pytest

from harness.backup.database import Database
from harness.command import CommandError

from ..fakes.command import FakeCommands
from ..samples import DOCKER, settings_of
from . import pod


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(DOCKER, settings_of(tmp_path))


def test_dump_goes_into_the_file_and_is_read_back(database: Database, commands: FakeCommands, tmp_path: Path) -> None:
    commands.on(*pod.DUMP, stdout="PGDMP content")
    commands.on(*pod.READ_BACK)
    database.dump(tmp_path / "dump")
    assert (tmp_path / "dump").read_text() == "PGDMP content"
    assert commands.calls[1].stdin == b"PGDMP content"


def test_dump_that_broke_off_is_an_error(database: Database, commands: FakeCommands, tmp_path: Path) -> None:
    commands.on(*pod.DUMP, stdout="PGDMP co")
    commands.on(*pod.READ_BACK, returncode=1, stderr="could not read from input file: end of file")
    with pytest.raises(CommandError, match="end of file"):
        database.dump(tmp_path / "dump")


@pytest.mark.parametrize(("tables", "revision"), [("alembic_version\n", "d2f4e1b3c5a7"), ("\n", "")])
def test_revision_is_that_of_the_tables_if_there_are_any(
    database: Database, commands: FakeCommands, tables: str, revision: str
) -> None:
    commands.on(*pod.ask(pod.HAS_TABLES), stdout=tables)
    commands.on(*pod.ask(pod.REVISION), stdout="d2f4e1b3c5a7\n")
    assert database.revision() == revision


@pytest.mark.parametrize(("tables", "count"), [("alembic_version\n", 3), ("\n", 0)])
def test_busy_tasks_are_counted_where_there_are_tables(
    database: Database, commands: FakeCommands, tables: str, count: int
) -> None:
    commands.on(*pod.ask(pod.HAS_TABLES), stdout=tables)
    commands.on(*pod.ask(pod.BUSY), stdout="3\n")
    assert database.count_busy_tasks() == count


def test_restore_goes_beside_and_loses_the_setup_s_mark(
    database: Database, commands: FakeCommands, tmp_path: Path
) -> None:
    (tmp_path / "dump").write_text("PGDMP content")
    for words in (pod.MAKE_BESIDE, pod.FILL_BESIDE, pod.UNMARK):
        commands.on(*words)
    database.restore_beside(tmp_path / "dump")
    assert commands.argvs == [pod.MAKE_BESIDE, pod.FILL_BESIDE, pod.UNMARK]
    assert commands.calls[1].stdin == b"PGDMP content"


def test_swap_drops_the_old_only_when_the_new_takes_its_place(database: Database, commands: FakeCommands) -> None:
    commands.on(*pod.SWAP)
    database.swap()
    assert commands.argvs == [pod.SWAP]


def test_no_command_holds_a_password(database: Database, commands: FakeCommands) -> None:
    commands.on(*pod.ask(pod.COUNT), stdout="12\n")
    assert database.count_runs() == 12
    assert not any("pass" in word.lower() or "PGP" in word for word in commands.argvs[0])
