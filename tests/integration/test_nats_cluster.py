# SPDX-License-Identifier: Apache-2.0
"""Three NATS nodes instead of a broker: MQTT 3.1.1 only, no receive-maximum; a node that is killed under load loses nothing and doubles nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.swarm import Swarm, books
from benchmarks.swarm_gateway import SwarmGateway
from central.app import create_app
from central.database import open_engine
from central.settings import Settings
from contracts.addresses import parse_broker
from tests.integration.nats_cluster import NODES, NatsCluster

GATEWAYS, EVENTS = 6, 20
DEADLINE_S = 150.0
"""The nodes agree on a new leader in 5 to 13 s on an idle machine, and in over half a minute on one that is busy with other tests."""
pytestmark = [pytest.mark.requirement("E12"), pytest.mark.slow]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[NatsCluster]:
    made = NatsCluster(tmp_path)
    for node in range(NODES):
        made.start(node)
    made.wait()
    yield made
    made.close()


async def test_node_killed_under_load_loses_and_doubles_nothing(cluster: NatsCluster, sqlite_url: str, record_property: Any) -> None:
    brokers = [parse_broker(url) for url in cluster.urls]
    swarm = Swarm([SwarmGateway(f"g{n}", f"site-{n}", brokers[n % NODES :] + brokers[: n % NODES]) for n in range(GATEWAYS)])
    engine = open_engine(sqlite_url)
    app = create_app(Settings(sqlite_url, brokers[0], more_brokers=tuple(brokers[1:])), engine=engine)
    async with app.router.lifespan_context(app), swarm.running():
        swarm.accept(EVENTS)
        await swarm.within(DEADLINE_S)
        swarm.accept(EVENTS)
        killed_s = time.monotonic()
        cluster.kill(0)
        await swarm.within(DEADLINE_S)
        record_property("stall_s", round(time.monotonic() - killed_s, 1))

    assert books(sqlite_url.removeprefix("sqlite:///"), GATEWAYS, EVENTS) == {"lost": 0, "stored_twice": 0, "applied_beyond": 0}
