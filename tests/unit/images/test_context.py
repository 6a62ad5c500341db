"""Build contexts: hashes that notice every change, and secrets that no layer keeps."""

import subprocess
from pathlib import Path

import pytest

from harness.images import package_settings
from harness.images.context import build_context, build_secrets, hash_of, package_folder
from harness.images.package_settings import CA_VARIABLES, PASSED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "rootfs").mkdir(parents=True)
    (tree / "Dockerfile").write_text("FROM x\n")
    (tree / "rootfs" / "entrypoint").write_text("#!/bin/sh\n")
    return tree


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PASSED, *CA_VARIABLES):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(package_settings, "SYSTEM_CAS", ())
    monkeypatch.setattr(package_settings, "_read_pip_files", lambda _: {})


def test_hash_notices_content_name_and_mode(folder: Path) -> None:
    seen = {hash_of(folder)}
    (folder / "Dockerfile").write_text("FROM y\n")
    seen.add(hash_of(folder))
    (folder / "Dockerfile").rename(folder / "Containerfile")
    seen.add(hash_of(folder))
    (folder / "rootfs" / "entrypoint").chmod(0o755)
    seen.add(hash_of(folder))
    assert len(seen) == 4


def test_hash_takes_bytes_as_they_are() -> None:
    assert hash_of(b"\xff") != hash_of(b"\xfe")
    assert hash_of(b"text") == hash_of("text")


def test_hash_is_the_same_for_a_copy_and_does_not_see_bytecode(folder: Path, tmp_path: Path) -> None:
    before = hash_of(folder, "base")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert hash_of(folder, "base") == before
    folder.rename(tmp_path / "elsewhere")
    assert hash_of(tmp_path / "elsewhere", "base") == before
    assert hash_of(tmp_path / "elsewhere", "other") != before


def test_context_is_a_copy_with_binaries_without_go_sources(folder: Path, tmp_path: Path) -> None:
    binary = tmp_path / "built"
    binary.write_text("binary")
    binary.chmod(0o755)
    (folder / "go").mkdir()
    with build_context(folder, {"etcd": binary}) as context:
        assert (context / "Dockerfile").read_text() == "FROM x\n"
        assert (context / "bin" / "etcd").stat().st_mode & 0o111
        assert not (context / "go").exists()
    assert not context.exists()
    assert not (folder / "bin").exists()


@pytest.mark.processes
def test_settings_are_a_private_file_that_a_shell_reads_back(monkeypatch: pytest.MonkeyPatch) -> None:
    value = "https://user:it's $HOME@index.test/simple"
    monkeypatch.setenv("PIP_INDEX_URL", value)
    with build_secrets() as secrets:
        assert set(secrets) == {"packages"}
        path = secrets["packages"]
        assert path.stat().st_mode & 0o777 == 0o600
        script = f'. {path}; printf %s "$PIP_INDEX_URL"'
        read = subprocess.run(["/bin/sh", "-c", script], env={}, capture_output=True, check=True, text=True)
        assert read.stdout == value
    assert not path.exists()


def test_ca_bundle_of_this_machine_is_given_when_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "ca.pem"
    with build_secrets() as secrets:
        assert "ca" not in secrets
    bundle.write_text("certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with build_secrets() as secrets:
        assert secrets["ca"] == bundle
    assert bundle.exists()


@pytest.mark.parametrize("image", ["node", "airflow", "postgres"])
def test_every_image_has_its_folder(image: str) -> None:
    assert (package_folder(image) / "Dockerfile").is_file()
