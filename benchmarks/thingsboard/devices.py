# SPDX-License-Identifier: Apache-2.0
"""The simulated hardware, a process of its own, the same for both gateways. Asked by lines on standard input, it answers with a line of JSON each:

`served`: how many reads each controller answered; `hold`: the same, and from now on none answers. The first line says where they listen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from firmware_sims import registry
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.sensor_modbus.controller import ModbusControllerTwin

HOUSE = ("light_ablepick", "relay_modbus", "rfid_llrp", "scale_sics", "scanner_serial", "sensor_modbus")
"""What an idle gateway is connected to: one of each."""


async def _serve(servers: dict[str, TcpTwinServer]) -> None:
    for server in servers.values():
        await server.start()
    _say({name: server.port for name, server in servers.items()})
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while question := await reader.readline():
        if question.strip() == b"hold":
            for server in servers.values():
                server.faults.mute = True
        _say({name: server.twin.reads for name, server in servers.items() if isinstance(server.twin, ModbusControllerTwin)})
    for server in servers.values():
        await server.stop()


def _say(answer: object) -> None:
    print(json.dumps(answer), flush=True)


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--controllers", type=int, default=0)
    parser.add_argument("--registers", type=int, default=100)
    parser.add_argument("--house", action="store_true")
    options = parser.parse_args()
    servers = {f"dev{n}": TcpTwinServer(ModbusControllerTwin(count=options.registers, stamps=True, seed=n)) for n in range(options.controllers)}
    if options.house:
        servers |= {name: TcpTwinServer(registry.make(name, {})) for name in HOUSE}
    asyncio.run(_serve(servers))


if __name__ == "__main__":
    main()
