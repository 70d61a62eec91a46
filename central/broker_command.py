# SPDX-License-Identifier: Apache-2.0
"""`dockline broker run`: the embedded MQTT broker (rumqttd in the iotcore wheel), MQTT 5, on loopback, dying with the process that started it."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import secrets
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

from contracts.addresses import BROKER_SOCKET_OPTIONS, is_loopback
from contracts.wire import MESSAGE_BYTES_MAX

_PR_SET_PDEATHSIG = 1
"""prctl(2): the signal that this process gets when its parent dies."""
_READY_S = 20.0

_CONFIGURATION = """\
id = 0

[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "dockline"
listen = "{listen}"
next_connection_delay_ms = 1
    [v5.1.connections]
    connection_timeout_ms = 10000
    max_payload_size = {payload_bytes_max}
    max_inflight_count = 200
    dynamic_filters = true
{auth}"""


def configuration(host: str, port: int, user: str = "", password: str = "") -> str:
    """The broker's TOML. A message may be as large as the wire allows, plus its topic and properties."""
    auth = f"    [v5.1.connections.auth]\n    {user} = {password!r}\n" if user else ""
    listen = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return _CONFIGURATION.format(listen=listen, payload_bytes_max=MESSAGE_BYTES_MAX + 4096, auth=auth)


def die_with_parent(signal_number: int = signal.SIGTERM) -> None:
    """Ask Linux to end this process when its parent ends."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(0)


def _free_port(host: str) -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as server:
        port: int = server.getsockname()[1]
        return port


def _taken(host: str, port: int) -> bool:
    """Whether somebody listens there, found without connecting (a connection that says nothing would be an error in the broker's log)."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _send_at_once(port: int) -> None:
    """Let this process's TCP sockets of that port hold nothing back.

    rumqttd has no setting for it, and a small message then waits up to 40 ms for the acknowledgement of the one before. Its listening socket is one of
    this process's, and Linux gives what is set on that to every connection accepted from it.
    """
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError), socket.fromfd(int(descriptor.name), socket.AF_INET, socket.SOCK_STREAM) as one:  # no socket, or closed meanwhile
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_PROTOCOL) == socket.IPPROTO_TCP and one.getsockname()[1] == port:
                for option in BROKER_SOCKET_OPTIONS:
                    one.setsockopt(*option)


def _announce(host: str, port: int, configured: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if _taken(host, port):
            _send_at_once(port)
            configured.unlink(missing_ok=True)  # it was read, and it may hold a password
            print(f"broker: listening on mqtt://{host}:{port}", flush=True)
            return
        time.sleep(0.01)
    print(f"broker: {host}:{port} does not answer after {_READY_S:.0f} s; see the lines above", file=sys.stderr, flush=True)


def _run(arguments: argparse.Namespace) -> int:
    from iotcore import Broker

    die_with_parent()
    # rumqttd wraps its per-message routing in error spans, so that its log has several ERROR lines for every packet.
    logging.getLogger("rumqttd").setLevel(logging.DEBUG if arguments.debug else logging.CRITICAL)
    port = arguments.port or _free_port(arguments.listen)
    user, password = "", ""
    if not is_loopback(arguments.listen):
        user, password = "dockline", os.environ.get("DOCKLINE_BROKER_PASSWORD") or secrets.token_urlsafe(24)
        if "DOCKLINE_BROKER_PASSWORD" not in os.environ:
            print(f"broker: {arguments.listen} can be reached from outside; clients need user {user} and password {password} (shown once)", flush=True)
    if _taken(arguments.listen, port):
        print(f"broker: {arguments.listen}:{port} is in use; stop what listens there or choose another --port", file=sys.stderr)
        return 1
    path = _configuration_file(configuration(arguments.listen, port, user, password))
    broker = Broker(config_path=str(path))
    threading.Thread(target=_announce, args=(arguments.listen, port, path), name="announce", daemon=True).start()
    # The broker's own loop never comes back to Python, so an interrupt has to end the process by itself; it keeps nothing on disk.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    broker.run_forever()
    return 0


def _configuration_file(text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="dockline-broker-", suffix=".toml")
    with os.fdopen(handle, "w") as file:
        file.write(text)
    return Path(name)


def main(argv: list[str]) -> int:
    """Run `dockline broker ...`; returns the exit status."""
    parser = argparse.ArgumentParser(prog="dockline broker", description="The embedded MQTT broker.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the broker until it is stopped or its parent ends")
    run.add_argument("--port", type=int, default=1883, help="TCP port (default 1883; 0: any free one)")
    run.add_argument("--listen", default="127.0.0.1", help="address to listen on (default 127.0.0.1); another than loopback needs a password")
    run.add_argument("--debug", action="store_true", help="show rumqttd's log, several lines for every packet")
    arguments = parser.parse_args(argv)
    return _run(arguments)
