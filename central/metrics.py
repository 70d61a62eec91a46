# SPDX-License-Identifier: Apache-2.0
"""All metrics of the central program, declared once; the reference page is generated from here. Labels come from closed sets only."""

from __future__ import annotations

from collections import deque

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_RECENT = 20_000


class Metrics:
    """The metrics of one central service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events_accepted = self._counter("dockline_events_accepted", "events taken for the first time, by lane", ["lane"])
        self.events_applied = self._counter("dockline_events_applied", "events that went through their use cases or became a work order", ["lane"])
        self.events_excepted = self._counter("dockline_events_excepted", "events that became an exception work order", ["lane"])
        self.events_quarantined = self._counter("dockline_events_quarantined", "events and messages that could not be read or applied", ["lane"])
        self.duplicates_refused = self._counter("dockline_duplicates_refused", "events that came again and were refused", ["lane"])
        self.gaps = self._counter("dockline_ingest_gaps", "batches that began beyond the mark and were asked for again", ["lane"])
        self.ingest_failures = self._counter("dockline_ingest_failures", "transactions of ingest that failed and were not acknowledged", [])
        self.ingest_stands_still = Gauge("dockline_ingest_stands_still", "1 while the database takes no events (full, or away)", registry=self.registry)
        self.partitions_held = Gauge("dockline_ingest_partitions", "partitions of gateways whose events this worker takes, of 64", registry=self.registry)
        self.broker_up = Gauge("dockline_broker_up", "whether central is connected to a broker and takes events", registry=self.registry)
        self.brokers_up = Gauge("dockline_broker_line_up", "whether central takes events over this broker", ["broker"], registry=self.registry)
        self.gateways_online = Gauge("dockline_gateways_online", "gateways whose last word was a birth", registry=self.registry)
        self.sealed = self._counter("dockline_ledger_events_sealed", "events sealed into blocks", [])
        self.commands_published = self._counter("dockline_commands_published", "commands published, repeats counted", [])
        self.lag = Histogram(
            "dockline_ingest_lag_seconds",
            "from the device's last byte to the committed ledger, for gateways on this machine, by lane",
            ["lane"],
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60),
            registry=self.registry,
        )
        self._recent_lags_s: deque[float] = deque(maxlen=_RECENT)

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def observe_lag(self, lane: str, lag_s: float) -> None:
        """Count one event's way from bytes to ledger; movements are also kept for `lag_ms`."""
        self.lag.labels(lane=lane).observe(lag_s)
        if lane == "movements":
            self._recent_lags_s.append(lag_s)

    def lag_ms(self, quantile: float) -> float | None:
        """A quantile (0 to 1) over the most recent lags of movements in milliseconds; None without any."""
        lags = sorted(self._recent_lags_s)
        if not lags:
            return None
        return round(lags[min(len(lags) - 1, int(quantile * len(lags)))] * 1000, 3)
