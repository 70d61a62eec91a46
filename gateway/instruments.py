# SPDX-License-Identifier: Apache-2.0
"""Counters, gauges and histograms as numbers in memory. prometheus_client, which writes them down, brings a web server along: it is loaded at the first scrape.

They are declared and used like the library's own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from prometheus_client import Metric

Labels = tuple[str, ...]


class Number:
    """A number that goes up, or up and down."""

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        """Add."""
        self.value += amount

    def set(self, value: float) -> None:
        """What it is from now on."""
        self.value = float(value)


class Distribution:
    """How many observations lie at or below each bound; the last bucket has those above all."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """One more."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> list[tuple[str, float]]:
        """The buckets as Prometheus has them."""
        total, buckets = 0, []
        for bound, count in zip([*map(str, self.bounds), "+Inf"], self.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets


ChildT = TypeVar("ChildT", Number, Distribution)


class InstrumentRegistry:
    """All instruments of a program, in the order of their declaration."""

    def __init__(self) -> None:
        self.instruments: list[_Instrument[Number] | _Instrument[Distribution] | Info] = []

    def collect(self) -> Iterable[Metric]:
        """As prometheus_client wants it of a collector."""
        return (instrument.family() for instrument in self.instruments)

    def get_sample_value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """The value of one line of the text; None: there is none."""
        wanted = dict(labels or {})
        return next((sample.value for family in self.collect() for sample in family.samples if (sample.name, sample.labels) == (name, wanted)), None)

    def forget(self, label: str, value: str) -> None:
        """Drop all children with this value of a label."""
        for instrument in self.instruments:
            if not isinstance(instrument, Info) and label in instrument.label_names:
                place = instrument.label_names.index(label)
                for labels in [labels for labels in instrument.children if labels[place] == value]:
                    del instrument.children[labels]

    def rendered(self) -> bytes:
        """The text format of Prometheus."""
        from prometheus_client import CollectorRegistry, generate_latest

        library = CollectorRegistry()
        library.register(self)
        return generate_latest(library)


class _Instrument(Generic[ChildT]):
    """One name, with a child for each combination of labels that was used; without labels it is its own only child."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: InstrumentRegistry) -> None:
        self.name = name
        self.documentation = documentation
        self.label_names = tuple(labels)
        self.children: dict[Labels, ChildT] = {}
        registry.instruments.append(self)

    def labels(self, **labels: str) -> ChildT:
        """The child of these labels."""
        key = tuple(labels[name] for name in self.label_names)
        child = self.children.get(key)
        if child is None:
            child = self.children[key] = self._new_child()
        return child

    def family(self) -> Metric:
        """All children as prometheus_client has them."""
        raise NotImplementedError

    def _new_child(self) -> ChildT:
        raise NotImplementedError


class _Numbers(_Instrument[Number]):
    def __init__(self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: InstrumentRegistry) -> None:
        super().__init__(name, documentation, labels, registry=registry)
        if not labels:
            self.labels()

    def inc(self, amount: float = 1.0) -> None:
        """Add, where there are no labels."""
        self.labels().inc(amount)

    def _new_child(self) -> Number:
        return Number()


class Counter(_Numbers):
    """Only goes up; its name ends in `_total`."""

    def family(self) -> Metric:
        """See `_Instrument.family`."""
        from prometheus_client.metrics_core import CounterMetricFamily

        family = CounterMetricFamily(self.name, self.documentation, labels=self.label_names)
        for labels, child in self.children.items():
            family.add_metric(labels, child.value)
        return family


class Gauge(_Numbers):
    """Goes up and down."""

    def set(self, value: float) -> None:
        """What it is from now on, where there are no labels."""
        self.labels().set(value)

    def family(self) -> Metric:
        """See `_Instrument.family`."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        family = GaugeMetricFamily(self.name, self.documentation, labels=self.label_names)
        for labels, child in self.children.items():
            family.add_metric(labels, child.value)
        return family


class Histogram(_Instrument[Distribution]):
    """Counts observations by their size; without labels."""

    def __init__(self, name: str, documentation: str, *, buckets: Sequence[float], registry: InstrumentRegistry) -> None:
        super().__init__(name, documentation, registry=registry)
        self._buckets = buckets
        self.labels()

    def observe(self, value: float) -> None:
        """One more."""
        self.labels().observe(value)

    def _new_child(self) -> Distribution:
        return Distribution(self._buckets)

    def family(self) -> Metric:
        """See `_Instrument.family`."""
        from prometheus_client.metrics_core import HistogramMetricFamily

        child = self.labels()
        family = HistogramMetricFamily(self.name, self.documentation)
        family.add_metric((), buckets=child.cumulative(), sum_value=child.sum)
        return family


class Info:
    """Facts that do not change."""

    def __init__(self, name: str, documentation: str, *, registry: InstrumentRegistry) -> None:
        self.name = name
        self.documentation = documentation
        self._facts: dict[str, str] = {}
        registry.instruments.append(self)

    def info(self, facts: dict[str, str]) -> None:
        """The facts from now on."""
        self._facts = facts

    def family(self) -> Metric:
        """See `_Instrument.family`."""
        from prometheus_client.metrics_core import InfoMetricFamily

        family = InfoMetricFamily(self.name, self.documentation)
        family.add_metric((), self._facts)
        return family
