# SPDX-License-Identifier: Apache-2.0
"""What a gateway does not load at its start: each of these costs a megabyte or more of resident memory."""

from __future__ import annotations

import subprocess
import sys

import pytest

UNWANTED = (
    "prometheus_client",
    "importlib.metadata",
    "http.client",
    "http.server",
    "email.message",
    "statistics",
    "cryptography",
    "zipfile",
    "gateway.portal.portal",
    "gateway.north",
    "pymodbus",
    "serial.tools",
)
START = "from gateway.lazy_modules import SELDOM_USED, load_late; [load_late(name) for name in SELDOM_USED]; import sys, gateway.command, gateway.app"


def said(program: str) -> list[str]:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.requirement("E17")
def test_gateway_starts_without_what_only_few_need() -> None:
    assert said(f"{START}; print(*(name for name in {UNWANTED!r} if name in sys.modules))") == []


def test_module_that_is_loaded_late_works_when_it_is_used() -> None:
    used = "import urllib.request; print(urllib.request.Request('http://gateway.site.lan/x').host, 'http.client' in sys.modules)"

    assert said(f"{START}; {used}") == ["gateway.site.lan", "True"]
