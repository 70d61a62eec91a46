# SPDX-License-Identifier: Apache-2.0
"""A label from central's command to the printer's paper and back, through a roll that ends, a lost link and a gateway that begins anew."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.commands import PrintLabel
from contracts.events import CommandAnswered, DeviceConditionChanged, LabelPrinted
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.printer_zpl.twin import ZplPrinterTwin
from tests.integration.gateway_bench import FakeCentral, eventually, running_broker, running_central, running_gateway

pytestmark = [pytest.mark.slow, pytest.mark.requirement("R53", "E11", "E17")]

LABEL = "^XA^LL200^FO20,20^A0N,40,40^FD{}^FS^XZ\n"
BODY = """
[[device]]
id = "printer-1"
driver = "printer_zpl"
host = "127.0.0.1"
port = {port}
poll_interval_s = 0.2
job_poll_interval_s = 0.05
settle_s = 0.1
[[station]]
id = "labels-1"
kind = "label_point"
printer = "printer-1"
"""


@pytest.fixture
async def printer() -> AsyncIterator[TcpTwinServer]:
    server = TcpTwinServer(ZplPrinterTwin(speed_mm_s=500))
    await server.start()
    yield server
    await server.stop()


def twin_of(server: TcpTwinServer) -> ZplPrinterTwin:
    assert isinstance(server.twin, ZplPrinterTwin)
    return server.twin


def asked(job: str, **said: Any) -> PrintLabel:
    late = datetime.now(UTC) + timedelta(minutes=10)
    return PrintLabel(**{"command_id": job, "station": "labels-1", "deadline_at": late, "data": LABEL.format(job), **said})


def outcomes(central: FakeCentral) -> list[tuple[str, str, int | None]]:
    return [(event.command_id, event.outcome, event.labels) for event in central.of(LabelPrinted) if isinstance(event, LabelPrinted)]


async def there(central: FakeCentral, births: int) -> None:
    """The gateway has said so many births: it hears commands."""
    await central.until(lambda: sum(state.online for state in central.states) >= births)


def conditions(central: FakeCentral) -> list[tuple[str, bool]]:
    return [(event.condition, event.active) for event in central.of(DeviceConditionChanged) if isinstance(event, DeviceConditionChanged)]


async def test_job_that_waits_for_paper_is_printed_once_although_link_and_gateway_are_lost_meanwhile(tmp_path: Path, printer: TcpTwinServer) -> None:
    twin = twin_of(printer)
    with running_broker() as port:
        body = BODY.format(port=printer.port)
        async with running_central(port) as central:
            async with running_gateway(tmp_path, port, body) as gateway:
                await there(central, 1)
                await central.command(asked("first", copies=2))
                await central.until(lambda: outcomes(central) == [("first", "printed", 2)])
                printer.twin.change("paper", "out", printer._clock())
                await central.command(asked("second"))
                await eventually(lambda: len(twin.body.queue) == 1)
                printer.drop_client()
                await central.until(lambda: ("paper_out", True) in conditions(central))
                await central.command(asked("second"))
                await central.command(asked("third"))
                await central.until(lambda: len(central.of(CommandAnswered)) >= 4)
                assert 'condition="paper_out"' in (await gateway.reporter.metrics()).decode()
            assert outcomes(central) == [("first", "printed", 2)]
            printer.twin.change("paper", "in", printer._clock())
            async with running_gateway(tmp_path, port, body):
                await central.until(lambda: len(outcomes(central)) >= 3)

    assert outcomes(central) == [("first", "printed", 2), ("second", "printed", 1), ("third", "printed", 1)]
    assert [label.zpl.split("^FD")[1].split("^FS")[0] for label in twin.labels] == ["first", "first", "second", "third"]


async def test_job_as_large_as_central_sends_it_comes_through(tmp_path: Path, printer: TcpTwinServer) -> None:
    picture = f"^XA^LL200^FO0,0^GFA,60000,60000,100,{'A5' * 60_000}^FS^XZ"
    with running_broker() as port:
        async with running_central(port) as central, running_gateway(tmp_path, port, BODY.format(port=printer.port)):
            await there(central, 1)
            await central.command(asked("large", data=picture))
            await central.until(lambda: len(outcomes(central)) == 1)

    assert outcomes(central) == [("large", "printed", 1)]
    assert twin_of(printer).labels[0].zpl == picture
