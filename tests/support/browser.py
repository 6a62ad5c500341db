"""Finds a Chromium for tests that need a browser, and installs the distribution's where we may."""

import shutil
from pathlib import Path

from harness.errors import UsageError
from harness.host.engine import apt_install
from harness.host.platform import Host
from harness.steps import Say

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGES = ["chromium", "fonts-dejavu-core"]
# A browser that runs as root in a container, stores nothing and calls nobody but the page's own server.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def ensure_chromium(host: Host, say: Say) -> Path:
    """Return a Chromium or Chrome of this machine, after installing Debian's as root if there is none.

    Elsewhere UsageError says what to install.
    """
    found = _find()
    if found is None and host.is_root and host.is_debian_like:
        say(f"installing {', '.join(PACKAGES)} with apt")
        apt_install(PACKAGES)
        found = _find()
    if found is None:
        raise UsageError(
            "no Chromium or Chrome is installed",
            next_step=f"on Debian: sudo apt-get install {' '.join(PACKAGES)}; elsewhere: put a Chrome on PATH",
        )
    return found


def _find() -> Path | None:
    return next((Path(path) for path in map(shutil.which, NAMES) if path), None)
