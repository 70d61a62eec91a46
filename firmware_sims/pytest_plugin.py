# SPDX-License-Identifier: Apache-2.0
"""Pytest plugin `dockline_sims`: simulated warehouse devices as fixtures for other people's tests.

def test_my_program_reads_the_scale(dockline_scale):
    dockline_scale.do("place", weight_g=1250)
    assert my_program(dockline_scale.host, dockline_scale.port) == 1250

Everything else is imported only when a fixture is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from firmware_sims.sims import SimulatedDevice

_DEVICES = pytest.StashKey[list[Any]]()
_SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--dockline-seed`."""
    words = "seed of the faults of simulated devices; a failed test prints the one that it had"
    parser.getgroup("dockline").addoption("--dockline-seed", type=int, default=None, metavar="SEED", help=words)


def pytest_configure(config: pytest.Config) -> None:
    """One seed for the whole run."""
    given = config.getoption("--dockline-seed")
    config.stash[_SEED] = random.SystemRandom().randrange(2**31) if given is None else given


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test with simulated devices says how to run it again with the same faults, and which bytes were hit."""
    report = yield
    devices = item.stash.get(_DEVICES, [])
    if report.when == "call" and report.failed and devices:
        lines = [f"the same faults again: pytest --dockline-seed={item.config.stash[_SEED]} {item.nodeid}", *(device.story() for device in devices)]
        report.sections.append(("simulated devices", "\n".join(lines)))
    return report


@pytest.fixture
def dockline_sim(request: pytest.FixtureRequest) -> Iterator[Callable[..., SimulatedDevice]]:
    """Start simulated devices: `dockline_sim("scale_sics", over="pty", capacity_g=6000)`; all are switched off after the test."""
    from firmware_sims import sims
    from firmware_sims.rig.parts import seed_of

    started: list[SimulatedDevice] = request.node.stash.setdefault(_DEVICES, [])

    with ExitStack() as stack:

        def start(kind: str, /, **settings: Any) -> SimulatedDevice:
            name = f"{request.node.name} {kind} {len(started)}"
            made = sims.device(kind, **{"seed": seed_of(request.config.stash[_SEED], name), **settings})
            started.append(stack.enter_context(made))
            return made

        yield start


@pytest.fixture
def dockline_scale(dockline_sim: Callable[..., SimulatedDevice]) -> SimulatedDevice:
    """A bench scale that speaks MT-SICS, on a TCP port: as behind a serial server."""
    return dockline_sim("scale_sics")


@pytest.fixture
def dockline_reader(dockline_sim: Callable[..., SimulatedDevice]) -> SimulatedDevice:
    """A fixed RFID reader with four antennas that speaks LLRP."""
    return dockline_sim("rfid_llrp")


@pytest.fixture
def dockline_lights(dockline_sim: Callable[..., SimulatedDevice]) -> SimulatedDevice:
    """A pick-to-light controller with thirty lights."""
    return dockline_sim("light_ablepick")


@pytest.fixture
def dockline_scanner(dockline_sim: Callable[..., SimulatedDevice]) -> SimulatedDevice:
    """A barcode scanner, on a TCP port."""
    return dockline_sim("scanner_serial")
