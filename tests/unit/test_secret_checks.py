"""What is refused in a Secret that a person made, and what is not."""

import re
from base64 import b64encode
from pathlib import Path

import pytest

from harness.secret_checks import login_problems, variable_problems

ROOT = Path(__file__).parents[2]
KEYS = {name: name for name in ("username", "password", "email")}
GOOD = {"username": b"ada", "password": b"lovelace1", "email": b"ada@example.org"}


def encoded(content: bytes) -> str:
    return b64encode(content).decode()


def problems(**changed: bytes) -> list[str]:
    return list(login_problems({key: encoded(value) for key, value in {**GOOD, **changed}.items()}, KEYS))


def test_good_login_has_no_problem() -> None:
    assert problems() == []


@pytest.mark.parametrize("password", ["$HOME", "\"'", "\\n", "%s %", "two\nlines", "ü漢", " around "])
def test_odd_characters_of_a_password_are_fine(password: str) -> None:
    assert problems(password=password.encode()) == []


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"password": b""}, "key password is empty"),
        ({"password": b" \n"}, "key password is empty"),
        ({"password": b"word\n"}, "key password ends with a line break"),
        ({"password": b"\xff\xfe1"}, "key password is not UTF-8"),
        ({"password": b"a\0b"}, "key password holds a NUL byte"),
        ({"username": b" ada"}, "key username has spaces around it"),
        ({"email": b"nobody"}, "key email is no address"),
    ],
)
def test_broken_value_is_named_by_its_key(changed: dict[str, bytes], problem: str) -> None:
    (found,) = problems(**changed)
    assert found.startswith(problem)
    for value in changed.values():
        assert not value.strip() or value.decode("latin-1") not in found


TEXTS = ["ada", "a@b.c", "a b", "word\n", " ada", "@", "a@b@c", " ", "two\nlines", "ü漢", "a@b c"]


@pytest.mark.parametrize("key", list(KEYS))
@pytest.mark.parametrize("value", TEXTS)
def test_the_chart_s_preflight_refuses_the_same_logins(key: str, value: str) -> None:
    template = (ROOT / "helm" / "tools" / "templates" / "_preflight.tpl").read_text()
    pattern = re.findall(rf'"{key}" "(.+?)"(?= |\))', template)[-1]
    # What is the end of the text to Go, `$` and `\\z`, is `\\Z` to Python.
    python = pattern.encode().decode("unicode_escape").replace("$", r"\Z").replace(r"\z", r"\Z")
    is_refused = not value.strip() or not re.search(python, value)
    assert is_refused is bool(problems(**{key: value.encode()}))


def test_missing_key_is_named_as_the_chart_calls_it() -> None:
    assert list(login_problems({}, {"username": "user"})) == ["has no key user"]


@pytest.mark.parametrize("value", ["$a\"'\\n%", "two\nlines\n", "ü漢"])
def test_odd_characters_of_a_variable_are_fine(value: str) -> None:
    assert list(variable_problems({"A_1": encoded(value.encode())})) == []


def test_broken_variables_are_named() -> None:
    data = {"EMPTY": "", "NUL": encoded(b"a\0"), "1A": encoded(b"x"), "a.b": encoded(b"x"), "GOOD": encoded(b"x")}
    assert [problem.split(":")[0] for problem in variable_problems(data)] == [
        "key 1A is no name of a variable",
        "key EMPTY is empty",
        "key NUL holds a NUL byte, which no variable can",
        "key a.b is no name of a variable",
    ]
