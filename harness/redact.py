"""Removes secrets from everything that is printed, raised or saved."""

import re
from collections.abc import Iterable

MASK = "***"

# A JWT: a task's token is in the worker pod's args, so each dump of a pod holds one (three base64url parts, RFC 7519).
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_ASSIGNMENT = re.compile(
    r"""(?ix)
    (?P<name>[\w.-]*(?:password|passwd|passphrase|secret|token|fernet|api[_-]?key|private[_-]?key|client-key)[\w.-]*)
    (?P<glue>\\?["']?[^\S\n]*[:=][^\S\n]*)
    (?: (?P<quote>\\?["']) (?: (?!(?P=quote)) [^\n] )+ | [^\s"',}{]+ )
    """
)
_HEADER = re.compile(r"(?i)(?P<head>authorization[\"']?\s*[:=]\s*[\"']?(?:basic|bearer)\s+)[^\s\"',]+")
_URL_PASSWORD = re.compile(r"(?P<head>\w[\w+.-]*://[^\s:/@]*:)[^\s@/]+(?=@)")
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----", re.DOTALL)

_known: set[str] = set()


def remember_secrets(values: Iterable[str]) -> None:
    """Mask these exact values from now on; values under 4 characters are too common to mask."""
    _known.update(value for value in values if len(value) >= 4)  # noqa: PLR2004 - said in the docstring


def redact(text: str) -> str:
    """Return `text` with remembered secrets, JWTs, private keys, URL passwords and `password=...` masked."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, MASK)
    text = _PEM.sub(MASK, text)
    text = _JWT.sub(MASK, text)
    for pattern in (_HEADER, _URL_PASSWORD):
        text = pattern.sub(rf"\g<head>{MASK}", text)
    return _ASSIGNMENT.sub(rf"\g<name>\g<glue>\g<quote>{MASK}", text)
