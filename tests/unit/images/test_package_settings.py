"""What builds are told of this machine's indexes, proxies and CA."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.images import package_settings
from harness.images.package_settings import find_ca, read_package_settings

INDEX = "https://me:secret@index.test/simple"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.prefix", str(tmp_path / "venv"))
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    return tmp_path


def read(home: Path, **environ: str) -> dict[str, str]:
    return read_package_settings({"HOME": str(home), **environ})


@pytest.mark.parametrize("older", ["UV_DEFAULT_INDEX", "UV_INDEX_URL"])
def test_uv_is_told_of_pip_s_index_unless_it_has_its_own(home: Path, older: str) -> None:
    assert read(home, PIP_INDEX_URL=INDEX) == {"PIP_INDEX_URL": INDEX, "UV_DEFAULT_INDEX": INDEX}
    own = {"PIP_INDEX_URL": INDEX, older: "https://other.test"}
    assert read(home, **own) == own


def test_pip_s_files_count_as_its_variables_do(home: Path) -> None:
    (home / ".config/pip/pip.conf").write_text(
        f"[global]\nindex-url = {INDEX}\ntimeout = 60\n[install]\nextra-index-url =\n  https://a.test\n  https://b.test\n"
    )
    assert read(home) == {
        "PIP_INDEX_URL": INDEX,
        "PIP_EXTRA_INDEX_URL": "\nhttps://a.test\nhttps://b.test",
        "UV_DEFAULT_INDEX": INDEX,
        "UV_INDEX": "https://a.test https://b.test",
    }
    assert read(home, PIP_INDEX_URL="https://mine.test")["UV_DEFAULT_INDEX"] == "https://mine.test"
    (home / "mine.conf").write_text("[global]\nindex-url = https://file.test\n")
    assert read(home, PIP_CONFIG_FILE=str(home / "mine.conf"))["PIP_INDEX_URL"] == "https://file.test"


def test_login_of_a_named_index_is_passed_on(home: Path) -> None:
    login = {"UV_INDEX": "corp=https://index.test", "UV_INDEX_CORP_USERNAME": "me", "UV_INDEX_CORP_PASSWORD": "secret"}
    assert read(home, **login, HOMEBREW="x", PIP_CACHE_DIR="/x") == login


def test_file_of_pip_that_cannot_be_read_is_told(home: Path) -> None:
    (home / ".config/pip/pip.conf").write_text("index-url = x\n")
    with pytest.raises(UsageError, match="pip's settings cannot be read") as caught:
        read(home)
    assert caught.value.next_step == "correct that file"


def test_ca_of_a_variable_wins_over_the_system_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system, mine = tmp_path / "system.crt", tmp_path / "mine.pem"
    monkeypatch.setattr(package_settings, "SYSTEM_CAS", (str(tmp_path / "absent"), str(system)))
    assert find_ca({}) is None
    system.touch()
    mine.touch()
    assert find_ca({}) == system
    assert find_ca({"REQUESTS_CA_BUNDLE": str(mine), "SSL_CERT_FILE": ""}) == mine


def test_ca_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"SSL_CERT_FILE names .*gone\.pem, which is not there") as caught:
        find_ca({"SSL_CERT_FILE": str(tmp_path / "gone.pem")})
    assert caught.value.next_step == "correct or unset SSL_CERT_FILE"
