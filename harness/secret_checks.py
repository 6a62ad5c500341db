"""What must be true of the Secrets that a person makes; a problem names a key, never a value."""

import re
from base64 import b64decode
from collections.abc import Iterator, Mapping

# What a shell, and so a task that runs a script, can read.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")


def login_problems(data: Mapping[str, str], keys: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each key of the UI's login that is missing, empty or malformed.

    `data` is that of the Secret; `keys` says where in it username, password and email are.
    """
    for name, key in keys.items():
        if key not in data:
            yield f"has no key {key}"
        elif problem := _value_problem(data[key]):
            yield f"key {key} {problem}"
        else:
            text = b64decode(data[key]).decode()
            if text.endswith(("\n", "\r")):
                yield f"key {key} ends with a line break, which nobody can type (`printf %s` writes none)"
            elif name == "username" and (text != text.strip() or not text.isprintable()):
                yield f"key {key} has spaces around it or characters that do not print"
            elif name == "email" and not _EMAIL.fullmatch(text):
                yield f"key {key} is no address, name@host"


def variable_problems(data: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each key that cannot be a variable of a task, or has a value that cannot be one's."""
    for key, value in sorted(data.items()):
        if not _VARIABLE.fullmatch(key):
            yield f"key {key} is no name of a variable: letters, digits and _, and no digit first"
        elif problem := _value_problem(value):
            yield f"key {key} {problem}"


def _value_problem(encoded: str) -> str:
    content = b64decode(encoded or "")
    if not content.strip():
        return "is empty"
    if b"\0" in content:
        return "holds a NUL byte, which no variable can"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "is not UTF-8"
    return ""
