"""Redaction: what must never be read, and what must stay readable."""

import pytest

from harness.redact import redact, remember_secrets


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("POSTGRES_PASSWORD=hunter22", "hunter22"),
        ('{"password": "hunter22"}', "hunter22"),
        ('{"password": "correct horse, battery"}', "horse"),
        ("'passphrase': 'correct horse'", "horse"),
        ("fernet-key: a1b2c3d4=", "a1b2c3d4"),
        ("AIRFLOW__API_AUTH__JWT_SECRET=abcdef", "abcdef"),
        ("api_key=abcdef, other=1", "abcdef"),
        ("client-key-data: LS0tLS1CRUdJTg==", "LS0tLS1CRUdJTg"),
        ("postgresql+psycopg2://airflow:hunter22@db:5432/airflow", "hunter22"),
        ("https://:hunter22@index.test/simple", "hunter22"),
        ("args: [eyJhbGciOi.eyJzdWIi-_.SflKxw]", "SflKxw"),
        ("Authorization: Bearer opaque-token", "opaque-token"),
        ('"authorization": "Basic YWRtaW46YQ=="', "YWRtaW46YQ"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabcd\n-----END RSA PRIVATE KEY-----", "MIIE"),
    ],
)
def test_secret_is_masked(text: str, secret: str) -> None:
    masked = redact(text)
    assert secret not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text",
    [
        "Secret tools/airflow-ui-creds has no key password; it needs username, password, email",
        "http://127.0.0.1:8080/api/v2/dags",
        "kubectl -n tools delete secret airflow-ui-creds",
        "pod scheduler-0 was seen at 12:00:05",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


def test_what_stands_around_a_secret_stays() -> None:
    assert redact("user=admin password=hunter22 port=5432") == "user=admin password=*** port=5432"
    assert redact("postgresql://airflow:hunter22@db/airflow") == "postgresql://airflow:***@db/airflow"
    assert redact('{"password": "a b", "email": "c"}') == '{"password": "***", "email": "c"}'


def test_remembered_value_is_masked_wherever_it_stands() -> None:
    remember_secrets(["s3cr3t-value"])
    assert redact("curl -u admin:s3cr3t-value/x") == "curl -u admin:***/x"


def test_longer_of_two_remembered_values_is_masked_whole() -> None:
    remember_secrets(["abcd", "abcd-efgh"])
    assert redact("x abcd-efgh y") == "x *** y"


def test_short_value_is_not_remembered() -> None:
    remember_secrets(["dev", ""])
    assert redact("the environment dev") == "the environment dev"
