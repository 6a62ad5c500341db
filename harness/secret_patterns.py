r"""What secrets look like in a text, when nobody has said what they are: keys, tokens, headers, URLs.

Each function takes a text and returns it with what it knows masked. Each is linear in the length of the text, whatever
is in it: what repeats is bounded or possessive, and a repeat begins at a fixed word and never before it. So
`[\w-]*token`, which tries every letter of a long word as a beginning, is `token` here, and what stands before it is
read afterwards, a few characters back.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

MASK = "***"

# RFC 7468, OpenSSH, PGP and SSH2. A key of 16,384 bits has 13 kB; a log may have put something before each line.
_KEY_MARK = re.compile(r"-{4,5} ?(BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{4,5}")
_KEY_MAX = 65536
_KEY_BODY = re.compile(r"(?:\\+[nr]|[A-Za-z0-9+/=])*+")
_KEY_BODY_REVERSED = re.compile(r"(?:[nr]\\+|[A-Za-z0-9+/=])*+")
_KEY_LINE = re.compile(r"(?<![\w.+/-])[A-Za-z0-9+/]{16,}+={0,2}(?![\w.-])")
_KEY_HEADERS = 4  # lines such as `DEK-Info: AES-256-CBC,...` between a key's mark and its body

# A JWT: a task's token is in the worker pod's args, so each dump of a pod holds one (three base64url parts, RFC 7519).
_JWT = re.compile(r"eyJ[\w-]*+(?:\.[\w-]*+)*+", re.ASCII)
_JWT_PARTS = 3


# Tokens and keys that have a form of their own. Each is a pattern of its own: it begins with letters, by which Python
# finds it ten times as fast as it finds one of many. So what must not stand before short letters, such as those of
# `task-` before `sk-`, is asked behind them; the `n` of a line's end in a JSON text is no part of a word.
def _after_no_word(letters: str, word: str = r"\w") -> str:
    return rf"{letters}(?:(?<!{word}{letters})|(?<=\\[nrt]{letters}))"


_SHAPES = [
    re.compile(shape, re.ASCII)
    for shape in (
        r"AKIA[A-Z0-9]{16}",  # AWS
        r"ASIA[A-Z0-9]{16}",
        r"AIza[\w-]{35}",  # Google
        r"ya29\.[\w-]{20,}+",
        r"gh[pousr]_[A-Za-z0-9]{30,}+",
        r"github_pat_\w{22,}+",
        r"glpat-[\w-]{20,}+",
        r"xox[abeoprs]-[\w-]{10,}+",
        r"hooks\.slack\.com/services/[\w/]{10,}+",
        r"sk_(?:live|test)_[A-Za-z0-9]{16,}+",
        r"rk_(?:live|test)_[A-Za-z0-9]{16,}+",
        _after_no_word("sk-", r"[\w-]") + r"[\w-]{20,}+",  # no task-, disk- or risk-
        _after_no_word(r"SG\.") + r"[\w-]{16,64}+\.[\w-]{16,64}+",
        _after_no_word("npm_") + r"[A-Za-z0-9]{36}",
        r"pypi-[\w-]{50,}+",
        _after_no_word("hf_") + r"[A-Za-z0-9]{30,}+",
        r"dckr_pat_[\w-]{20,}+",
        _after_no_word(r"hv[sb]\.") + r"[\w-]{20,}+",
        _after_no_word("dapi") + r"[0-9a-f]{32}",
        r"dop_v1_[0-9a-f]{32,}+",
        r"AGE-SECRET-KEY-1[A-Z0-9]{50,}+",
        r"gAAAAA[\w-]{50,}+={0,2}",  # Fernet
        r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}",  # bcrypt
        r"LS0tLS1CRUdJTi(?!BDRVJU)[A-Za-z0-9+/=]{20,}+",  # a PEM in base64, but no certificate's
    )
]

_AFTER_HEADER = {
    "authorization": re.compile(
        r"""(?xi)
        (?P<glue> \\?["']? [^\S\n]{0,20}+ [:=] [^\S\n]{0,20}+ \\?["']? )
        (?: (?: basic | bearer | token | digest | negotiate | api-?key | key | oauth | aws4-hmac-sha256 )
            [^\S\n]{1,20}+ [^\n"'\\]++
          | (?! \*\*\* ) [^\s"'\\]{16,}+ )
        """
    ),
    "bearer": re.compile(r"(?P<glue>[^\S\n]{1,20}+)[\w.~+/-]{16,}+={0,2}"),
    "cookie": re.compile(r"""(?P<glue>\\?["']?:[^\S\n]{0,20}+\\?["']?)[^\s"'=;\\]{1,64}+=[^\n"'\\]++"""),
}

# A password may hold `/` and `@`, though it should not; a port is none. The user alone may be the secret.
_URL_USER = re.compile(
    r"""(?x)
    (?P<head> :// [^\s:/@"'<>]{0,128}+ : ) (?! \d{1,5} (?: [^\w@%!$+~.-] | \Z ) ) (?: [^\s"'<>@:]++ | :(?!//) ){1,128}+
        (?: @ [^\s"'<>@/:]{1,128}+ (?= @ ) )*+ (?= @ )
    | (?P<user> :// ) [^\s:/@"'<>?]{20,256}+ (?= @ )
    """
)
_URL_QUERY = re.compile(
    r"(?i)(?P<head>[?&](?:sig|signature|x-(?:amz|goog)-(?:signature|credential))=)[^\s&\"'<>\\]{6,}+"
)


def mask_private_keys(text: str) -> str:
    """Mask private keys between their marks, and what is there of one that was cut; lines stay lines."""
    return mask_spans(text, _private_keys(text))


def mask_spans(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """Return the text with what is between each start and end masked, line by line."""
    pieces, at = [], 0
    for start, end in spans:
        pieces += [text[at:start], "\n".join([MASK] * (text.count("\n", start, end) + 1))]
        at = end
    return "".join([*pieces, text[at:]])


def _private_keys(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each key begins and ends; what lies between two marks is looked at once."""
    at = 0
    for mark, after in pairwise([*_KEY_MARK.finditer(text), None]):
        if mark is None or mark.start() < at:
            continue
        begins = mark[1] == "BEGIN"
        if begins and after and after[1] == "END" and after.start() - mark.end() <= _KEY_MAX:
            start, at = mark.start(), after.end()
        elif begins:
            start, at = mark.start(), _body_end(text, mark.end(), after.start() if after else len(text))
        else:
            start, at = _body_start(text, at, mark.start()), mark.end()
        yield start, at


def _body_end(text: str, start: int, limit: int) -> int:
    """Return where a body ends whose END is missing: after its last line."""
    limit = min(limit, start + _KEY_MAX)
    found = _KEY_BODY.match(text, start, limit)
    end = at = found.end() if found else start
    headers = _KEY_HEADERS
    while at < limit:
        next_line = text.find("\n", at, limit) + 1
        line_end = text.find("\n", next_line, limit) if next_line else limit
        line_end = limit if line_end < 0 else line_end
        if not next_line:
            break
        if _KEY_LINE.search(text, next_line, line_end):
            end, headers = line_end, 0
        elif headers:
            headers -= 1
        else:
            break
        at = line_end
    return end


def _body_start(text: str, limit: int, end: int) -> int:
    """Return where a body begins whose BEGIN is missing: with its first line."""
    limit = max(limit, end - _KEY_MAX)
    found = _KEY_BODY_REVERSED.match(text[limit:end][::-1])
    start = end - found.end() if found else end
    at = text.rfind("\n", limit, start)
    if at < 0:
        return start
    last_is_short = True  # a body's last line may be of any length
    while at > limit:
        line_start = text.rfind("\n", limit, at) + 1 or limit
        is_short = last_is_short and _KEY_BODY.fullmatch(text[line_start:at].rpartition(" ")[2])
        if not is_short and not _KEY_LINE.search(text, line_start, at):
            break
        last_is_short = False
        start, at = line_start, line_start - 1
    return start


def mask_jwts(text: str) -> str:
    """Mask JSON Web Tokens."""
    return _JWT.sub(_jwt, text)


def _jwt(found: re.Match[str]) -> str:
    parts = found[0].split(".")
    is_token = len(list(filter(None, parts))) >= _JWT_PARTS or (len(parts) > 1 and parts[1].startswith("eyJ"))
    return MASK if is_token else found[0]


def mask_shapes(text: str) -> str:
    """Mask the tokens and keys that have a form of their own."""
    for shape in _SHAPES:
        text = shape.sub(MASK, text)
    return text


def mask_headers(text: str) -> str:
    """Mask what follows `Authorization:`, `Bearer` and `Cookie:`."""
    return mask_spans(text, _headers(text))


def _headers(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for start, word in find_words(text, _AFTER_HEADER):
        found = _AFTER_HEADER[word].match(text, start + len(word)) if start >= at else None
        if found:
            at = found.end()
            yield found.end("glue"), at


def find_words(text: str, words: Iterable[str]) -> list[tuple[int, str]]:
    """Return where the words, given in lower case, are in any case, in order: of two at a place the longer first."""
    lowered = text.replace("\u0130", "i").lower()  # the one letter that is two in lower case
    found = [(hit.start(), word) for word in words for hit in re.finditer(word, lowered)]
    return sorted(found, key=lambda hit: (hit[0], -len(hit[1])))


def mask_urls(text: str) -> str:
    """Mask a URL's password, a user that is long enough to be a token, and signatures in its query."""
    return _URL_QUERY.sub(_after_head, _URL_USER.sub(_after_head, text))


def _after_head(found: re.Match[str]) -> str:
    return f"{next(filter(None, found.groups()))}{MASK}"


PATTERNS: tuple[Callable[[str], str], ...] = (mask_private_keys, mask_jwts, mask_shapes, mask_headers, mask_urls)
