"""What may be asked of a run: anything else is one message, and nothing is started."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli.run_request import parse_conf, parse_logical_date, parse_request
from harness.errors import UsageError

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
)


@pytest.mark.parametrize(
    ("text", "conf"),
    [
        ("", {}),
        ("{}", {}),
        ('{"a": [1]}', {"a": [1]}),
        ('{"a": 1e300}', {"a": 1e300}),
        (r'{"a": "\\u0000"}', {"a": r"\u0000"}),
    ],
)
def test_conf_is_a_json_object(text: str, conf: dict[str, Any]) -> None:
    assert parse_conf(text) == conf


@given(st.dictionaries(text, json_values, max_size=4))
def test_any_json_object_is_a_conf(conf: dict[str, Any]) -> None:
    assert parse_conf(json.dumps(conf)) == conf
    assert parse_conf(json.dumps(conf, ensure_ascii=False)) == conf


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("day=1", "is not JSON: Expecting value"),
        ("[1]", "is JSON, but no object"),
        ("null", "is JSON, but no object"),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": [-Infinity]}', "-Infinity is no number of JSON"),
        ('{"a": 1e999}', "1e999 is too large a number"),
        ('{"a": {"b": -1e999}}', "-1e999 is too large a number"),
        (f'{{"a": {"9" * 5000}}}', "is not JSON: Exceeds the limit"),
        ('{"a": "\\ud800"}', "holds half of a character"),
        ('{"\\udfff": 1}', "holds half of a character"),
        ('{"a": "\udcff"}', "holds half of a character"),
        ('{"a": "\\u0000"}', "holds the character NUL"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ('{"b": [{"a": 1, "a": 1}]}', "the key 'a' stands twice"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "is nested too deep"),
        ('{"a": ' * 100_000 + "1" + "}" * 100_000, "is nested too deep"),
        ("{} {}", "is not JSON: Extra data"),
    ],
)
def test_what_is_no_conf_is_one_message(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_conf(text)
    assert str(caught.value).startswith("--conf ")
    assert message in str(caught.value)
    assert """--conf '{"day": "2026-01-31"}'""" in str(caught.value.advice)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("now", "now"),
        ("none", None),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T06:00", datetime(2026, 1, 31, 6, tzinfo=UTC)),
        ("2026-01-31T06:00:00.5Z", datetime(2026, 1, 31, 6, 0, 0, 500000, tzinfo=UTC)),
        ("2026-01-31T06:00+02:00", datetime(2026, 1, 31, 6, tzinfo=timezone(timedelta(hours=2)))),
    ],
)
def test_logical_date_is_iso_8601_or_a_word(text: str, date: object) -> None:
    assert parse_logical_date(text) == date


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30", "31.01.2026", "None"])
def test_what_is_no_date_is_one_message(text: str) -> None:
    with pytest.raises(UsageError, match="--logical-date is no date") as caught:
        parse_request("{}", text)
    assert "2026-01-31" in str(caught.value.advice)
