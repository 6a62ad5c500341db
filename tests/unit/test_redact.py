"""Redaction: what must never be read, and what must stay readable."""

import json
import re
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from harness.redact import redact, remember_secrets, remember_variables

from .secret_corpus import ORDINARY, SECRETS

CANARY = "CANARY7X9QZZ1234"  # capitals and digits are in every alphabet that a place may ask for
BODY = [f"MIIEowIBAAKCAQEAhunt0123456789hunt0123456789{n:04}hunt0123456789+/" for n in range(25)]


@pytest.mark.parametrize("template", SECRETS)
def test_secret_is_masked(template: str) -> None:
    masked = redact(template.replace("§", CANARY))
    assert CANARY not in masked
    assert "***" in masked


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_corpus_has_many_of_both_kinds() -> None:
    assert min(len(set(SECRETS)), len(set(ORDINARY))) >= 60


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("user=admin password=hunter22 port=5432") == "user=admin password=*** port=5432"
    assert redact("postgresql://airflow:hunter22@db/airflow") == "postgresql://airflow:***@db/airflow"
    assert redact('{"password": "a b", "email": "c"}') == '{"password": "***", "email": "c"}'
    assert redact("Server=db;Password=hunter22;Encrypt=true") == "Server=db;Password=***;Encrypt=true"
    assert redact("a?token=hunter22&page=2") == "a?token=***&page=2"
    assert redact("token: |\n  hunter\n  hunter\nuser: bob") == "token: ***\n***\n***\nuser: bob"


@pytest.mark.parametrize(
    "kind",
    [
        "PRIVATE KEY",
        "RSA PRIVATE KEY",
        "EC PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "PGP PRIVATE KEY BLOCK",
    ],
)
@pytest.mark.parametrize(
    ("before", "line_end"),
    [
        ("", "\n"),
        ("", "\r\n"),
        ("", "\\n"),
        ("", "\\\\n"),
        ("2026-11-25T12:00:00.000000Z info ", "\n"),
        ("task | [2026-11-25, 12:00:00 UTC] {a.py:3} INFO - ", "\n"),
        ("    ", "\n"),
    ],
)
def test_key_of_several_lines_is_masked(kind: str, before: str, line_end: str) -> None:
    lines = [f"-----BEGIN {kind}-----", *BODY, "c2hvcnQ=", f"-----END {kind}-----"]
    whole = "".join(f"{before}{line}{line_end}" for line in ["before", *lines, "after it"])
    masked = redact(whole)
    assert not [line for line in lines if line in masked]
    assert "before" in masked
    assert "after it" in masked
    assert masked.count("\n") == whole.count("\n")


@pytest.mark.parametrize(("before", "line_end"), [("", "\n"), ("2026-11-25T12:00:00Z info ", "\n"), ("", "\\n")])
def test_half_of_a_key_is_masked_too(before: str, line_end: str) -> None:
    first = ["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "", *BODY]
    last = [*BODY, "c2hvcnQ=", "-----END RSA PRIVATE KEY-----"]
    if line_end == "\\n":
        first = [line for line in first if ":" not in line]
    for lines in (["all is well", *first], [*last, "all is well"]):
        masked = redact("".join(f"{before}{line}{line_end}" for line in lines))
        assert not [line for line in BODY if line in masked]
        assert "all is well" in masked


def test_log_after_a_key_that_never_ends_stays() -> None:
    text = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(BODY) + "\n" + "a line of the log\n" * 10
    assert redact(text).endswith("\n" + "a line of the log\n" * 10)


def test_remembered_value_is_masked_wherever_it_stands() -> None:
    remember_secrets(["s3cr3t-value"])
    assert redact("curl -u admin:s3cr3t-value/x") == "curl -u admin:***/x"


def test_longer_of_two_remembered_values_is_masked_whole() -> None:
    remember_secrets(["abcd", "abcd-efgh"])
    assert redact("x abcd-efgh y") == "x *** y"


def test_short_value_is_not_remembered() -> None:
    remember_secrets(["dev", ""])
    assert redact("the environment dev") == "the environment dev"


def test_variable_of_several_lines_is_masked_whole_and_by_line() -> None:
    remember_variables({"NOTE": "first canary line\nsecond canary line\nshort\n"})
    assert redact("a first canary line b") == "a *** b"
    assert redact("12:00 second canary line") == "12:00 ***"
    assert redact("x first canary line\nsecond canary line\nshort y") == "x ***\n***\n*** y"


def test_variable_is_masked_in_the_forms_that_logs_give_it() -> None:
    value = 'say "canary"/ü & more'
    remember_variables({"NOTE": value})
    forms = [json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value), f"x?a={quote(value, safe='')}"]
    for text in (value, *forms, b64encode(value.encode()).decode()):
        assert text not in redact(text)
        assert "canary" not in redact(text)


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("postgres://bob:pa%24%24word@db/x", "pa$$word"),
        ("postgres://bob:pa%24%24word@db/x", "pa%24%24word"),
        ('{"conn_type": "http", "password": "canary-1"}', "canary-1"),
        ('{"extra": {"keys": ["canary-1", 7]}}', "canary-1"),
    ],
)
def test_password_inside_of_a_variable_is_one(value: str, printed: str) -> None:
    remember_variables({"AIRFLOW_CONN_X": value})
    assert redact(f"got {printed} here") == "got *** here"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "true"),
        ("SWITCH", "False"),
        ("REPLICAS", "12"),
        ("LIMIT", "1234567890.5"),
        ("MODE", "staging"),
        ("AIRFLOW__CORE__DAGS_FOLDER", "/opt/airflow/dags"),
        ("AIRFLOW__CORE__EXECUTOR", "KubernetesExecutor"),
    ],
)
def test_trivial_variable_is_no_secret(name: str, value: str) -> None:
    remember_variables({name: value})
    assert redact(f"x {value} y") == f"x {value} y"


def test_airflow_setting_that_is_a_secret_is_one() -> None:
    remember_variables(
        {
            "AIRFLOW__SMTP__SMTP_PASSWORD": "canary-1",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgres://a:canary-2@db/x",
        }
    )
    assert redact("canary-1 canary-2 postgres") == "*** *** postgres"


value = st.text(st.sampled_from("ABCDEFGHJKLMNPQRSTUVWXYZ23456789"), min_size=16, max_size=40).filter(
    lambda text: re.search(r"\d", text) and re.search(r"[A-Z]", text)
)
# What stands beside a secret in a log: letters of all kinds, but none that the notation of the secret ends with.
beside = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(template=st.sampled_from(SECRETS), secret=value, before=beside, after=beside)
def test_no_secret_survives_whatever_is_around_it(template: str, secret: str, before: str, after: str) -> None:
    assume(secret not in f"{before}\n{after}")
    assert secret not in redact(f"{before}\n{template.replace('§', secret)}\n{after}")


@given(st.lists(st.sampled_from(ORDINARY), max_size=8))
def test_ordinary_texts_stay_together_too(texts: list[str]) -> None:
    together = "\n\n".join(texts)
    assert redact(together) == together


@given(st.text(max_size=300))
def test_redaction_keeps_the_lines_and_is_done_once(text: str) -> None:
    masked = redact(text)
    assert masked.count("\n") == text.count("\n")
    assert redact(masked) == masked


@given(st.text("ab \n:=\"'.", max_size=200), value, st.text("ab \n:=\"'.", max_size=200))
def test_remembered_value_never_survives(before: str, secret: str, after: str) -> None:
    remember_secrets([secret])
    assert secret not in redact(f"{before}{secret}{after}")
