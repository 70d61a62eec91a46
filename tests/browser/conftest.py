# SPDX-License-Identifier: Apache-2.0
"""For all tests in a browser: what is expected of a page may take as long as a busy machine takes."""

from __future__ import annotations

from playwright.async_api import expect

expect.set_options(timeout=20_000)
