"""The documentation's form: its genres, its size, its index, its links, and what it says of the layers."""

import re
import tomllib
from pathlib import Path

import pytest

from support.pages import BLOCK, DOCS, PAGES, ROOT, load_script

GENRES = {"tutorial", "how-to", "reference", "explanation"}
LINES, WIDTH = 150, 120
# Written by scripts and tests from what they describe.
GENERATED = {"cli.md", "settings.md", "chart-values.md", "chart-checks.md"}
ROW = re.compile(r"^\| [^|]+ \| ((?:`\w+`(?:, )?)+) \|", re.MULTILINE)


def test_each_page_has_one_genre() -> None:
    pages = {page.relative_to(DOCS) for page in DOCS.rglob("*.md")}
    assert {page.parts[0] for page in pages if len(page.parts) > 1} == GENRES
    assert [page for page in pages if len(page.parts) == 1] == [Path("README.md")]


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_page_is_short(page: Path) -> None:
    assert len(page.read_text().splitlines()) <= LINES or page.name in GENERATED


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_lines_of_the_page_fit(page: Path) -> None:
    lines = BLOCK.sub("", page.read_text()).splitlines()
    assert [line for line in lines if len(line) > WIDTH and not line.startswith("|")] == []


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*/*.md")), ids=lambda page: page.stem)
def test_index_has_the_page(page: Path) -> None:
    assert f"]({page.relative_to(DOCS)})" in (DOCS / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_of_the_page_lead_somewhere(page: Path) -> None:
    assert list(load_script("check_links").find_broken_links(page)) == []


def test_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page, other = tmp_path / "page.md", tmp_path / "other.md"
    other.write_text("# Other page\n\n```sh\n# no heading\n```\n\n## `A b`, [c](d.md)!\n")
    page.write_text(
        "[a](other.md) [b](other.md#other-page) [c](other.md#a-b-c) [d](other.md#no-heading) [e](gone.md)\n"
        "`[f](gone.md)` [g](https://example.com/gone) [h](#here)\n\n## Here\n"
    )
    broken = list(load_script("check_links").find_broken_links(page))
    assert [line.split(": ")[1] for line in broken] == ["other.md#no-heading", "gone.md"]


def test_page_that_a_comment_names_and_is_not_there_is_found(tmp_path: Path) -> None:
    file, gone = tmp_path / "values.yaml", "gone/page"
    file.write_text(f"# see docs/README.md and docs/{gone}.md\n")
    assert list(load_script("check_links").find_named_pages(file)) == [f"{file}: there is no docs/{gone}.md"]


@pytest.mark.parametrize("name", ["cli.md", "settings.md"])
def test_page_is_what_the_code_says(name: str) -> None:
    written = load_script("generate").PAGES[name]()
    assert (DOCS / "reference" / name).read_text() == written, "run `make docs`"


def test_every_setting_and_option_says_what_it_is() -> None:
    generate = load_script("generate")
    for write in generate.PAGES.values():
        assert [line for line in write().splitlines() if line.startswith("| `") and line.endswith("|  |")] == []


def test_layers_of_the_architecture_are_those_of_the_contract() -> None:
    (contract,) = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [{name.strip().removeprefix("harness.") for name in line.split(":")} for line in contract["layers"]]
    rows = [re.findall(r"\w+", row) for row in ROW.findall((DOCS / "explanation/architecture.md").read_text())]
    assert [name for row in rows for name in row if name not in set().union(*layers)] == []
    for row in rows:
        named = set(row)
        while named:
            assert layers, f"{named} stand below the last layer"
            assert layers[0] <= named, f"the layer {layers[0]} is not in the row {row}"
            named -= layers.pop(0)
    assert layers == []
