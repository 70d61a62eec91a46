# SPDX-License-Identifier: Apache-2.0
"""All metrics of a gateway. Labels come from closed sets: device, driver, lane, station, reason, outcome."""

from __future__ import annotations

from gateway.instruments import Counter, Gauge, Histogram, Info, InstrumentRegistry

_COMMIT_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """One set per gateway, in a registry of its own."""

    def __init__(self) -> None:
        registry = self.registry = InstrumentRegistry()
        self.build = Info("dockline_build", "Version of this program", registry=registry)
        self.device_up = Gauge("dockline_device_up", "1 while a device is connected", ["device", "driver"], registry=registry)
        self.device_reconnects = Counter("dockline_device_reconnects_total", "Attempts to connect after a loss", ["device", "driver"], registry=registry)
        self.device_given_up = Gauge(
            "dockline_device_given_up", "1 while a device is tried only now and then, because trying changes nothing", ["device", "driver"], registry=registry
        )
        self.device_breaker_opened = Counter(
            "dockline_device_breaker_opened_total",
            "Times that a device that comes and goes, crashes or floods was given up",
            ["device", "driver"],
            registry=registry,
        )
        self.frame_errors = Gauge("dockline_frame_errors", "Frames of a device that were thrown away since the start", ["device", "reason"], registry=registry)
        self.polls_missed = Gauge(
            "dockline_polls_missed", "Readings that fell out since the start because the device or this program was too slow", ["device"], registry=registry
        )
        self.device_condition = Gauge(
            "dockline_device_condition", "1 while something holds that a person must see to, 0 once it ended", ["device", "condition"], registry=registry
        )
        self.readings = Counter("dockline_readings_total", "Readings of a device", ["device", "driver"], registry=registry)
        self.reading_age_seconds = Gauge("dockline_reading_age_seconds", "Seconds since the last reading of a device", ["device"], registry=registry)
        self.actions_failed = Counter("dockline_device_actions_failed_total", "Commands that a device did not carry out", ["device"], registry=registry)
        self.temperature_celsius = Gauge("dockline_temperature_celsius", "Last temperature of a cold room", ["station"], registry=registry)
        self.events = Counter("dockline_events_total", "Events that were accepted", ["lane"], registry=registry)
        self.outbox_pending_events = Gauge("dockline_outbox_pending_events", "Events that central does not have yet", ["lane"], registry=registry)
        self.outbox_oldest_seconds = Gauge("dockline_outbox_oldest_seconds", "Age of the oldest event that central does not have", registry=registry)
        self.outbox_bytes = Gauge("dockline_outbox_bytes", "Bytes of events kept", registry=registry)
        self.outbox_payload_bytes = Counter("dockline_outbox_payload_bytes_total", "Bytes of the events accepted, before compression", registry=registry)
        self.outbox_written_bytes = Counter(
            "dockline_outbox_written_bytes_total", "Bytes handed to the disk for them; over the payload that is the write amplification", registry=registry
        )
        self.outbox_found = Counter("dockline_outbox_found_total", "In what state the outbox's file was at the start", ["state"], registry=registry)
        self.card_life_days = Gauge("dockline_card_life_days", "How long the card lasts at the present rate of writing", registry=registry)
        self.outbox_epochs_begun = Gauge(
            "dockline_outbox_epochs_begun", "Times that the numbers of this outbox began anew: an old image was restored, or central forgot", registry=registry
        )
        self.outbox_commit_seconds = Histogram("dockline_outbox_commit_seconds", "Time until events are durable", buckets=_COMMIT_BUCKETS_S, registry=registry)
        self.outbox_thinned_events = Gauge("dockline_outbox_thinned_events", "Telemetry given up for want of room since the start", registry=registry)
        self.outbox_refused = Counter("dockline_outbox_refused_total", "Events not accepted for want of room", ["lane"], registry=registry)
        self.uplink_up = Gauge("dockline_uplink_up", "1 while connected to the broker", registry=registry)
        self.north_up = Gauge("dockline_north_up", "1 while a north side is connected to its broker", ["north"], registry=registry)
        self.uplink_reconnects = Counter("dockline_uplink_reconnects_total", "Connections to the broker after the first", registry=registry)
        self.uplink_resends = Counter("dockline_uplink_resends_total", "Times that a lane went back to what central has", ["lane", "reason"], registry=registry)
        self.commands = Counter("dockline_commands_total", "Commands of central", ["outcome"], registry=registry)
        self.safe_mode = Gauge("dockline_safe_mode", "1 while the gateway leaves its devices alone", registry=registry)
        self.clock_unsynced = Gauge("dockline_clock_unsynced", "1 while nothing keeps the clock", registry=registry)
        self.configuration_fault = Gauge("dockline_configuration_fault", "1 while the newest configuration is not in force", registry=registry)
        self.certificate_end_timestamp_seconds = Gauge(
            "dockline_certificate_end_timestamp_seconds", "When the gateway's certificate ends; 0: it has none", registry=registry
        )
        self.resident_memory_bytes = Gauge("dockline_resident_memory_bytes", "Resident memory of the gateway", registry=registry)

    def forget_device(self, device: str) -> None:
        """A device is not there any more: nobody shall be woken because it is not connected."""
        self.registry.forget("device", device)

    def rendered(self) -> bytes:
        """The text format of Prometheus."""
        return self.registry.rendered()
