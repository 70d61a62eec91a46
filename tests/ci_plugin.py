# SPDX-License-Identifier: Apache-2.0
"""Loaded by `make test` (`-p tests.ci_plugin`): under CI a skipped test fails the run, since what was not run was not shown to work."""

from __future__ import annotations

import os

import pytest

_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember every test that was skipped (an expected failure is no skip)."""
    if report.skipped and not hasattr(report, "wasxfail"):
        _skipped.append(report.nodeid)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Remember every module that skipped itself."""
    if report.skipped:
        _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Turn a green run with skips red under CI."""
    if _skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests were skipped and what follows from it."""
    if _skipped and os.environ.get("CI") == "true":
        terminalreporter.section("skipped tests fail the run under CI", red=True)
        for nodeid in _skipped:
            terminalreporter.line(nodeid)
