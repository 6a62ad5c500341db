"""What package clients are told on this machine, an index, a proxy, a CA: builds are told the same."""

import os
import sys
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigError
from pathlib import Path

from harness.errors import HostError

PASSED = (
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"),
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INSECURE_HOST"),
)
# UV_INDEX_<NAME>_USERNAME and _PASSWORD: the login of a named index.
PASSED_PREFIX = "UV_INDEX_"
CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Debian and Ubuntu, Fedora and RHEL, SUSE, Alpine and macOS: the certificates that a person's IT adds theirs to.
SYSTEM_CAS = (
    *("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"),
    "/etc/ssl/cert.pem",
)


def read_package_settings(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the variables that a build gets; uv, which does not read pip's settings, is told of pip's index."""
    found = {
        **{f"PIP_{key.upper().replace('-', '_')}": value for key, value in _read_pip_files(environ).items()},
        **{key: value for key, value in environ.items() if key in PASSED or key.startswith(PASSED_PREFIX)},
    }
    for uv, older, pip in (
        ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"),
        ("UV_INDEX", "UV_EXTRA_INDEX_URL", "PIP_EXTRA_INDEX_URL"),
        ("UV_INSECURE_HOST", "UV_INSECURE_HOST", "PIP_TRUSTED_HOST"),
    ):
        if pip in found and not {uv, older} & set(found):
            found[uv] = " ".join(found[pip].split())
    return found


def find_ca(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the CA bundle that a variable names, else the system's, or None when there is none.

    Raises HostError when a variable names a file that is not there.
    """
    for key in CA_VARIABLES:
        if environ.get(key):
            path = Path(environ[key])
            if not path.is_file():
                raise HostError(
                    f"{key} names the CA bundle {path}, which is not there", next_step=f"correct or unset {key}"
                )
            return path
    return next((path for path in map(Path, SYSTEM_CAS) if path.is_file()), None)


def _read_pip_files(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of pip's files that a build needs; later files win, as pip documents it."""
    home = Path(environ.get("HOME", "/"))
    files = (
        *("/etc/xdg/pip/pip.conf", "/etc/pip.conf", home / "Library/Application Support/pip/pip.conf"),
        *(home / ".pip/pip.conf", Path(environ.get("XDG_CONFIG_HOME", home / ".config")) / "pip/pip.conf"),
        *(Path(sys.prefix) / "pip.conf", environ.get("PIP_CONFIG_FILE", os.devnull)),
    )
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(files)
    except (ConfigError, UnicodeDecodeError) as error:
        raise HostError(f"pip's settings cannot be read: {error}", next_step="correct that file") from None
    merged = {key: value for name in ("global", "install") if name in parser for key, value in parser[name].items()}
    return {key: merged[key] for key in ("index-url", "extra-index-url", "trusted-host") if key in merged}
