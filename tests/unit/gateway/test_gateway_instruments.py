# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import prometheus_client
import pytest

from gateway import instruments

BOUNDS = (0.001, 0.25, 1.0)


def filled(module: Any, registry: Any) -> None:
    """The same numbers in ours and in the library's."""
    counted = module.Counter("dockline_events_total", "Events", ["lane"], registry=registry)
    for lane, amount in (("movements", 1), ("telemetry", 41), ("telemetry", 1)):
        counted.labels(lane=lane).inc(amount)
    module.Counter("dockline_reconnects_total", "Connections", registry=registry).inc()
    module.Gauge("dockline_uplink_up", "1 while connected", registry=registry).set(1)
    module.Gauge("dockline_device_up", "1 while connected", ["device", "driver"], registry=registry).labels(device='a"b', driver="x").set(0.5)
    seconds = module.Histogram("dockline_commit_seconds", "Time", buckets=BOUNDS, registry=registry)
    for value in (0.0005, 0.001, 0.2, 3.0):
        seconds.observe(value)
    module.Info("dockline_build", "Version", registry=registry).info({"version": "1.2"})


@pytest.mark.requirement("E17")
def test_text_is_what_the_library_itself_writes() -> None:
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
    ours, theirs = instruments.InstrumentRegistry(), prometheus_client.CollectorRegistry()
    filled(instruments, ours)
    filled(prometheus_client, theirs)

    assert ours.rendered().decode() == prometheus_client.generate_latest(theirs).decode()


def test_sample_is_found_by_name_and_labels() -> None:
    registry = instruments.InstrumentRegistry()
    filled(instruments, registry)

    assert registry.get_sample_value("dockline_events_total", {"lane": "telemetry"}) == 42
    assert registry.get_sample_value("dockline_commit_seconds_count") == 4
    assert registry.get_sample_value("dockline_events_total", {"lane": "unknown"}) is None
