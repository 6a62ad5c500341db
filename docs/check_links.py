"""Checks every link between this repository's pages: the file is there, and so is the heading that it names.

    python docs/check_links.py

A page of `docs` that another kind of file names, such as a comment or a message, must be there, too.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]*`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
NAMED_PAGE = re.compile(r"(?<![\w/.-])docs/[\w/-]+\.md\b")
ELSEWHERE = ("http://", "https://", "mailto:")


def find_broken_links(page: Path) -> Iterator[str]:
    """Yield a line for each link of a page in Markdown that leads nowhere in this repository."""
    text = FENCE.sub("", page.read_text())
    for link in LINK.findall(CODE.sub("code", text)):
        if link.startswith(ELSEWHERE):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            yield f"{page}: {link}: there is no {target}"
        elif anchor and anchor not in anchors_of(target):
            yield f"{page}: {link}: {target.name} has no heading #{anchor}"


def anchors_of(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    anchors: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", page.read_text())):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower())
        anchor = words.replace(" ", "-")
        repeats = sum(1 for other in anchors if re.fullmatch(rf"{re.escape(anchor)}(-\d+)?", other))
        anchors.add(f"{anchor}-{repeats}" if repeats else anchor)
    return anchors


def find_named_pages(file: Path) -> Iterator[str]:
    """Yield a line for each page of `docs` that a file names and that is not there."""
    try:
        text = file.read_text()
    except UnicodeDecodeError:
        return
    for name in NAMED_PAGE.findall(text):
        if not (ROOT / name).exists():
            yield f"{file}: there is no {name}"


def main() -> int:
    """Print what is broken, and return the exit code."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [path for path in map(ROOT.joinpath, listed.splitlines()) if path.is_file() and not path.is_symlink()]
    broken = [line for path in files if path.suffix == ".md" for line in find_broken_links(path)]
    broken += [line for path in files if path.suffix != ".md" for line in find_named_pages(path)]
    print("\n".join(broken) or f"all links of {sum(path.suffix == '.md' for path in files)} pages lead somewhere")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
