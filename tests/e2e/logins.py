"""The login of the Secret: changed, tried, and waited for."""

from base64 import b64encode
from collections.abc import Mapping
from http import HTTPStatus

from harness import AirflowApi, AirflowApiError, AirflowEnv, NotYet, wait_until

IN_FORCE_S = 60


def put_secret(env: AirflowEnv, name: str, data: Mapping[str, str], *, namespace: str = "") -> None:
    """Make a Secret, or these keys of it, what they are to be; keys that this wrote before and does not now go."""
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    metadata = {"name": name, "namespace": namespace or env.namespace}
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": encoded}
    env.kubernetes.apply(manifest, field_manager="harness-e2e", force=True)


def can_log_in(env: AirflowEnv, username: str, password: str) -> bool:
    """Tell whether Airflow takes this login."""
    client = AirflowApi(env.settings.url, username, password)
    try:
        client.login()
    except AirflowApiError as error:
        if error.status != HTTPStatus.UNAUTHORIZED:
            raise
        return False
    finally:
        client.close()
    return True


def wait_for_login(env: AirflowEnv, username: str, password: str) -> None:
    """Wait until Airflow takes this login."""
    wait_until(
        "the new password",
        lambda: can_log_in(env, username, password) or NotYet("it is refused"),
        timeout_s=IN_FORCE_S,
    )
