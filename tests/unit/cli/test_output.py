"""What others wrote is printed as it is: no markup, no emoji, no wrapping, in whatever way it is printed."""

import ast
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from harness import cli
from harness.cli import output
from harness.cli.output import StepPrinter, make_printable, print_table, say
from harness.redact import redact
from harness.steps import Pace, Progress

from ..fakes.clock import FakeTime

CLI = Path(cli.__file__).parent
MARKUP = [
    "[bold]x[/]",
    "[/b]",
    "[draft]_query.sql",
    "[link=http://x]y[/link]",
    ":smile:",
    "a\\[b]",
    "[red",
    "x\ty",
    "1.5",
]
# Control characters are left out, but for these two, and the halves of a character are spelled.
text = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n"), max_size=200)


def a_console(*, is_terminal: bool) -> Console:
    return Console(
        file=io.StringIO(),
        width=60,
        force_terminal=is_terminal,
        color_system=None,
        markup=output.out._markup,
        emoji=output.out._emoji,
        highlight=output.out._highlight,
    )


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("foreign", MARKUP)
def test_markup_is_printed_as_it_is(foreign: str, is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    console = a_console(is_terminal=is_terminal)
    say(console, foreign, style="bold", head="error: ", head_style="red")
    assert printed(console) == f"error: {foreign}\n"
    monkeypatch.setattr(output, "out", console)
    if "\t" not in foreign:
        print_table(("PART",), [(foreign,)])
        printer = StepPrinter(console)
        printer.started(foreign)
        printer.ended(foreign, "failed", 0)
        assert printed(console).count(foreign) >= 2


@given(text)
def test_any_text_is_printed_as_it_is(foreign: str) -> None:
    console = a_console(is_terminal=False)
    say(console, foreign)
    assert printed(console) == redact(foreign) + "\n"


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a window's name\x07x", "x"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;cm0gLXJmIC8=\x1b\\x", "x"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1bPdevice\x1b\\x\x1bc", "x"),
        ("\x1b(0x", "x"),
        ("\x9b31mx", "31mx"),
        ("cut \x1b", "cut "),
        ("cut \x1b[1", "cut 1"),
        ("50 %\r100 %\b\x7f\0", "50 %100 %"),
        ("pass\x1b[0mword=hunter22222", "password=***"),
    ],
)
def test_no_text_commands_the_terminal(written: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    console = a_console(is_terminal=False)
    monkeypatch.setattr(output, "out", console)
    say(console, written)
    assert printed(console) == f"{shown}\n"
    print_table(("PART",), [(written,)])
    StepPrinter(console).said(written)
    assert not set(printed(console)) & set(map(chr, (*range(9), *range(11, 32), *range(127, 160))))


@given(st.text(st.sampled_from("\x1b[]()P;0m\x07\\\x9b a\n"), max_size=40))
def test_no_escape_is_left_of_any_text(foreign: str) -> None:
    assert not output.CONTROLS.search(make_printable(foreign))


def test_half_a_character_is_spelled() -> None:
    console = a_console(is_terminal=False)
    say(console, "name-\udcff.py")
    assert printed(console) == "name-\\udcff.py\n"


def test_consoles_read_no_markup() -> None:
    for console in (output.out, output.err):
        assert (console._markup, console._emoji, console._highlight) == (False, False, False)


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of a method or function of that name, and where it is."""
    for file in sorted(CLI.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and name in {getattr(node.func, "attr", ""), getattr(node.func, "id", "")}:
                yield f"{file.name}:{node.lineno}", node


def test_only_the_module_of_output_makes_consoles() -> None:
    assert {where.partition(":")[0] for where, _ in calls("Console")} == {"output.py"}


def test_nothing_is_printed_as_markup() -> None:
    for name in ("print", "rule", "Table", "TextColumn", "add_column", "add_row"):
        for where, call in calls(name):
            switched_on = [word for word in call.keywords if word.arg in {"markup", "emoji", "highlight"}]
            assert all(isinstance(one.value, ast.Constant) and one.value.value is False for one in switched_on), where
    for name in ("from_markup", "render_str", "escape"):
        assert [*calls(name)] == []


@pytest.mark.parametrize(("pause_s", "lines"), [(0, []), (4, ["3 of 5 layers"])])
def test_progress_is_a_line_now_and_then_in_a_log(time: FakeTime, pause_s: float, lines: list[str]) -> None:
    console = a_console(is_terminal=False)
    printer = StepPrinter(console)
    printer._pace = Pace(clock=time.clock)
    printer.started("image node")
    for done in range(5):
        printer.said(Progress(done, 5, "layers"))
        time.clock.sleep(pause_s)
    printer.ended("image node", "done", 3)
    assert [line.strip() for line in printed(console).splitlines() if "layers" in line] == lines


def test_progress_is_a_bar_on_a_terminal() -> None:
    console = a_console(is_terminal=True)
    printer = StepPrinter(console)
    printer.started("image node")
    assert printer._bar
    printer.said(Progress(2, 8, "layers"))
    (task,) = printer._bar.live.tasks
    assert (task.completed, task.total) == (2, 8)
    printer._bar.live.refresh()
    printer.ended("image node", "done", 3)
    assert "━━━━━" in printed(console)
    assert "2 of 8 layers" in printed(console)
