"""Removes secrets from everything that is printed, raised or saved."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit

from harness.secret_names import mask_assignments
from harness.secret_patterns import MASK, PATTERNS

__all__ = ["MASK", "redact", "remember_secrets", "remember_variables"]

SHORTEST_VARIABLE = 8
# Airflow's own settings have a Secret's place, but are none: but for these words in their names.
SETTING = "AIRFLOW__"
SECRET_SETTINGS = ("SECRET", "PASSWORD", "FERNET", "TOKEN", "KEY")
ORDINARY = frozenset({"true", "false", "none", "null"})

_known: set[str] = set()


def remember_secrets(values: Iterable[str]) -> None:
    """Mask these exact values from now on; values under 4 characters are too common to mask."""
    _known.update(value for value in values if len(value) >= 4)  # noqa: PLR2004 - said in the docstring


def remember_variables(variables: Mapping[str, str]) -> None:
    """Mask the values of a Secret's variables from now on, each of their lines, and the forms that logs give them.

    What is shorter than 8 characters, a number or a truth value stays, and so do Airflow's settings (`AIRFLOW__...`)
    that are not named as secrets: of the latter, and of all URLs, the password is one.
    """
    for name, value in variables.items():
        is_setting = name.startswith(SETTING) and not any(word in name for word in SECRET_SETTINGS)
        pieces = (
            {*_inner_secrets(value)}
            if is_setting
            else {value, value.strip(), *value.splitlines(), *_inner_secrets(value)}
        )
        for piece in filter(_is_telling, {*pieces, *map(str.strip, pieces)}):
            escaped = (json.dumps(piece, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False))
            encoded = b64encode(piece.encode("utf-8", "replace")).decode().rstrip("=")
            remember_secrets([piece, *escaped, quote(piece, safe="", errors="replace"), encoded])


def _is_telling(value: str) -> bool:
    is_number = value.replace(".", "", 1).lstrip("+-").isdigit()
    return len(value) >= SHORTEST_VARIABLE and not is_number and value.lower() not in ORDINARY


def _inner_secrets(value: str) -> Iterator[str]:
    """Yield the password of a URL, as it is written there and as it is meant, and the texts of JSON that are no words.

    Connections are variables of these two forms.
    """
    try:
        password = urlsplit(value).password or ""
    except ValueError:
        password = ""
    yield from (password, unquote(password))
    if value.lstrip().startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            yield from (text for text in _texts(json.loads(value)) if not text.isalpha())


def _texts(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict | list):
        for item in document.values() if isinstance(document, dict) else document:
            yield from _texts(item)


def redact(text: str) -> str:
    """Return `text` with remembered values and all that looks like a secret masked; its lines stay lines.

    A secret may have several lines, so give this the whole text, never one line of it.
    """
    for value in sorted(_known, key=len, reverse=True):
        if value in text:
            text = text.replace(value, "\n".join([MASK] * (value.count("\n") + 1)))
    for mask in PATTERNS:
        text = mask(text)
    return mask_assignments(text)
