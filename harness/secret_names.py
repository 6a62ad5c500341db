r"""Masks what a name says is a secret: `password=...`, `"token": "..."`, `--api-key ...`, in the usual notations.

The names that only count or describe (`max_tokens`, `token_url`, `secretName`) and the values that only refer to a
secret or are none (`load()`, `$TOKEN`, `true`) stay: a log without its words is of no use. In doubt it is a secret.
Linear in the length of the text, see `harness.secret_patterns`.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from harness.secret_patterns import find_words, mask_spans


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# What a name is looked for by. A `key`, `pwd` or `pass` is one behind another word: `api_key`, `DB_PASS`.
_WORDS = ("password", "passwd", "passphrase", "passcode", "secret", "token", "fernet", "key", "pwd", "pass", "auth")
_OF_KEYS = _words(
    "api private access account signing encryption master hmac shared subscription client function storage secret"
)
_REST_OF_NAME = re.compile(
    r"""(?xi)
    (?P<tail> [\w.-]{0,64}+ )
    (?P<glue>
        \\{0,3}["'`]? [^\S\n]{0,64}+ (?: => | := | == | [:=] ) [^\S\n]{0,64}+
      | [^\S\n]{1,64}+ (?=[^\s-])
      | \\{0,3}["']? ,? \s{0,200}+ \\{0,3}["']? value \\{0,3}["']? [^\S\n]{0,64}+ : [^\S\n]{0,64}+
    )
    """
)
_BEFORE = re.compile(r"[\w.-]*+")  # of the text before a name, reversed
_BEFORE_MAX = 64
_LINE_HEAD = re.compile(r"[\s>#+-]*+(?:\n|\Z)")  # likewise
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|\d+")
# What may follow a word without a break: `tokens`, `secretkey`, but not `tokenizer`, `secretary`.
_JOINED = frozenset({"", "s", "key", "keys", "id", "value", "string", "data", "hash", "text", "secret", "accesskey"})
# Parts of a name that speak of a secret and hold none.
_DESCRIBING = _words(
    "count counts counter used usage limit limits budget total size length len num number max min type types name names"
    " ref refs keyref file files path paths dir folder mount mounts url uri endpoint endpoints host version expiry"
    " expires expired expiration ttl lifetime age policy field fields prompt hint label labels class scope scopes per"
    " rate provider backend backends store manager status state valid invalid enabled required stdin format regex"
    " pattern rotation algorithm index position"
)
_COUNTING = _words(
    "max min num n total prompt completion input output cached used remaining"
    " pad eos bos unk sep cls mask special unexpected"
)
# Parts before a name that make it a question: `has_password`, `is_secret`.
_ASKING = frozenset({"has", "is", "use", "needs", "with", "without", "show", "hide", "automount"})

_ORDINARY = re.compile(
    r"""(?xi)
    (?: none | null | nil | true | false | yes | no | on | off | required | unset | empty | missing | absent | expired
      | (?: typing\. )? (?: str | int | float | bool | bytes | string | number | object | any | secretstr
          | (?: optional | union | list | dict | set | tuple | sequence | mapping | iterable | callable ) \[.* )
      | (?: success | failed | running | queued | scheduled | skipped | deferred | removed | waiting | done | ok
          | up_for_retry | up_for_reschedule | upstream_failed ) (?: [ ] (?: \( | in[ ]\d ) .* )?
      | \*+ | x{3,} | \.{3,} | \d{1,3} (?: [ ] (?: bytes | of [ ] \d+ ) )? | < [\w\s./-]* >
      | \$ [A-Z_][A-Z0-9_]* | \$[{(] .* | %\(\w+\)s | %[sdr] | \{\{ .* | \{ \w* \}
    )? [\])}>.,;:!|"'`]*
    """
)
_NUMBERS = re.compile(r"[\d.,_]+(?:[kM]|\s.*)?")
_CALL = re.compile(r"(?:await )?[A-Za-z_][\w.]{0,100}[(\[](?P<inside>[^()\[\]\n]{0,200}+)[)\]]?")
_LITERAL = re.compile(r"""(["'])(.*?)\1""")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_LOOK_UP = re.compile(r"(?i)environ|env\b|get")
_PLACEHOLDER = re.compile(r"\$\{[^}\n]{0,200}+\}|\$\([^)\n]{0,200}+\)")
_REFERENCE = re.compile(
    r"(?:self|cls|args|opts|options|conf|config|cfg|settings|credentials?|creds|login|user|request|ctx|context|this|env|"
    r"params|kwargs|client|session|data)\.[A-Za-z_][\w.]*"
)

_OPEN = re.compile(r"""[bBfFrRuU]{0,2}(?P<quote>\"{3}|'{3}|\\{0,3}["']|`)""")
_QUOTED = {
    '"""': re.compile(r'(?:(?!""").){0,20000}+', re.DOTALL),
    "'''": re.compile(r"(?:(?!''').){0,20000}+", re.DOTALL),
    '"': re.compile(r'(?:[^"\\\n]|\\[^\n])*+'),
    "'": re.compile(r"(?:[^'\\\n]|\\[^\n])*+"),
    "`": re.compile(r"[^`\n]*+"),
}
_ESCAPED = re.compile(r"""(?:[^\\\n]|\\{2,3}["'](?=[^\s,:}\]])|\\(?!["']))*+""")
_LIST = re.compile(r"\[[^\]\n]{0,4000}+\]?")
_PLAIN_LIST = re.compile(r"\[(?:[{\[].*|[\d\s,.]*\]?)")
_BARE = re.compile(
    r"""(?: [^\s"'`}{,;&\\] | \\(?!["'n]) | [,;&](?![\s"'{]|[\w.-]{1,40}+[=:]|\Z) )++""",
    re.VERBOSE,
)
_REST = re.compile(r"""[^\n"'`{}\\]++""")
_BLOCK = re.compile(r"[|>][+-]?\d?[^\S\n]*+\n(?P<indent>[^\S\n]*+)[^\n]++")


def mask_assignments(text: str) -> str:
    """Mask the values of what is named as a secret."""
    return mask_spans(text, _secrets(text))


def _secrets(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for start_of_word, word in find_words(text, _WORDS):
        if start_of_word < at:
            continue  # inside of what is masked
        found = _REST_OF_NAME.match(text, start_of_word + len(word))
        for start, end in _value(text, start_of_word, found) if found else ():
            yield start, end
            at = end


def _value(text: str, start_of_word: int, found: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield where the secret is, if there is one."""
    before = text[max(0, start_of_word - _BEFORE_MAX) : start_of_word][::-1]
    ahead = _BEFORE.match(before)
    prefix = ahead[0][::-1] if ahead else ""
    word = text[start_of_word : found.start()]
    tail, glue = found["tail"], found["glue"]
    if (not glue.strip() and not prefix.startswith("--")) or not _is_secret(prefix, word, tail):
        return
    if word == "passwd" and before.startswith("/"):
        return  # the file
    if word.lower() in {"pass", "pwd"} and (tail or before[:1] not in {"_", "-", ";"}):
        return
    if word.lower() == "auth" and not (before[:1] in {'"', "'", "_"} and not tail):
        return  # the one of a registry's login
    start = found.end()
    if opened := _OPEN.match(text, start):
        start = opened.end()
        body = _QUOTED.get(opened["quote"], _ESCAPED).match(text, start)
        end = body.end() if body else start
        if end > start and not _ORDINARY.fullmatch(text, start, min(end, start + 200)):
            yield start, end
        return
    if "==" in glue or _PLACEHOLDER.match(text, start):
        return  # a comparison with a variable, or a reference to one
    for end in _bare_end(text, start, glue, is_line=bool(_LINE_HEAD.match(before[len(prefix) :]))):
        value = text[start:end]
        names = {f"{prefix}{word}{tail}", f"{prefix}{word}{tail}".rpartition(".")[2]}
        is_number = tail[:1] in {"s", "S"} and _NUMBERS.fullmatch(value)
        if not is_number and value.rstrip(")],;.:") not in names and not _ORDINARY.fullmatch(value):
            yield start, end


@lru_cache(maxsize=4096)
def _is_secret(prefix: str, word: str, tail: str) -> bool:
    """Return whether a name is that of a secret, by the words around the one that it was found by."""
    joined = _PARTS.match(tail) if tail[:1].isalpha() and tail[:1].islower() == word[-1].islower() else None
    if joined and joined[0].lower() not in _JOINED:
        return False
    if _DESCRIBING.intersection(part.lower() for part in _PARTS.findall(tail)):
        return False
    ahead = [part.lower() for part in _PARTS.findall(prefix)]
    match word.lower():
        case "key":
            return bool(ahead) and (ahead[-1] in _OF_KEYS or any(ahead[-1].endswith(one) for one in ("api", "access")))
        case "token" if ahead and ahead[-1] in _COUNTING and not prefix[-1].isalpha():
            return False
    return not ahead or ahead[0] not in _ASKING


def _bare_end(text: str, start: int, glue: str, *, is_line: bool) -> Iterator[int]:
    """Yield where a value without quotes ends, if there is one that is no mere reference."""
    if block := _BLOCK.match(text, start):
        yield _block_end(text, block)
        return
    if found := _LIST.match(text, start):
        if not _PLAIN_LIST.fullmatch(found[0]):
            yield found.end()
        return
    is_spaced = glue.endswith((" ", "\t"))
    if (call := _CALL.match(text, start)) and (is_spaced or "()" in call[0] or _LITERAL.search(call["inside"])):
        literals = [literal for _, literal in _LITERAL.findall(call["inside"])]
        is_look_up = _LOOK_UP.search(call[0]) and all(map(_VARIABLE.fullmatch, literals))
        if (literals and not is_look_up) or (":" in glue and "()" not in call[0]):
            yield call.end()
        return
    bare = _BARE.match(text, start)
    if bare is None or _REFERENCE.fullmatch(bare[0].rstrip(")],;")):
        return
    line = _REST.match(text, start) if is_line and is_spaced else None
    yield len(line[0].rstrip()) + start if line and line.end() > bare.end() else bare.end()


def _block_end(text: str, block: re.Match[str]) -> int:
    """Return where a YAML block scalar ends: before the first line that is indented less."""
    end, indent = block.end(), block["indent"]
    while indent and text.startswith(f"\n{indent}", end):
        following = text.find("\n", end + 1)
        end = following if following >= 0 else len(text)
    return end
