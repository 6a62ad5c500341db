"""The pages of the documentation, the scripts beside them, and the commands that they tell people to type."""

import importlib.util
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY"))]
BLOCK = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:\.venv/bin/)?(?:harness|make|tox|cd) [^`]+)`")
SHELL = {"sh", "console", "text"}
PROMPT = "$ "


def load_script(name: str) -> ModuleType:
    """Import a script of `docs`."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def read_blocks(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in a page's blocks, where it stands as one types it."""
    for _, language, block in BLOCK.findall(text):
        for line in _lines_of(language, block):
            yield from _split(line)


def read_prose(text: str) -> Iterator[list[str]]:
    """Yield the words of each command in a page's sentences, where it may be without its arguments."""
    for found in INLINE.findall(BLOCK.sub("", text)):
        yield from _split(" ".join(found.split()))


def _lines_of(language: str, block: str) -> Iterator[str]:
    joined = block.replace("\\\n", " ").splitlines()
    if language == "sh":
        yield from joined
    elif language in SHELL:
        yield from (line.removeprefix(PROMPT) for line in joined if line.startswith(PROMPT))


def _split(line: str) -> Iterator[list[str]]:
    """Yield each command of a line: what may be left out is taken as given, and N as a number."""
    text = line.strip().replace("[", "").replace("]", "").replace("...", "")
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # a quote that goes on in the next line: no command of ours
        return
    command: list[str] = []
    for word in [*words, "&&"]:
        if word in {"&&", "||", "|", ";", "&", "(", ")"}:
            if command:
                yield command
            command = []
        elif command or not re.fullmatch(r"[A-Z_]+=.*", word):
            command.append("1" if word == "N" else word)
