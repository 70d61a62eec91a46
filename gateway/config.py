# SPDX-License-Identifier: Apache-2.0
"""What a gateway's file may say: one frozen struct per table, every field with a description and a unit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from drivers.base.config import DeviceConfig, described
from gateway.portal.settings import Settings

Name = Annotated[str, described("Name: 1 to 64 of a-z, 0-9, '-' and '_'", "name", min_length=1, max_length=64)]
Priority = Annotated[int, described("Alarm priority, 1 is the most urgent", "count", ge=1, le=4)]

_PORTAL = Settings()


class InputRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A digital input of a device."""

    device: Annotated[str, described("Device that has the input", "name")]
    input: Annotated[int, described("Number printed beside the input", "count", ge=1)]


class ContactRef(InputRef, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A contact at a digital input. `good` is the level at which all is well: a reed contact of a closed door reads true, as does a mains relay that is on."""

    good: Annotated[bool, described("Level of the input while the door is closed, or the mains are there", "flag")] = True


class OutputRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A digital output of a device."""

    device: Annotated[str, described("Device that has the output", "name")]
    output: Annotated[int, described("Number printed beside the output", "count", ge=1)]


class ButtonRef(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that a person presses: a digital input of a device, or a node of pick lights. Exactly one of the two is given."""

    device: Annotated[str, described("Device that has the button", "name")]
    input: Annotated[int, described("Number printed beside the input; 0: none", "count", ge=0)] = 0
    node: Annotated[int, described("Address of the pick light whose button it is; 0: none", "count", ge=0)] = 0


def _devices_of(*outputs: OutputRef | None) -> set[str]:
    return {output.device for output in outputs if output is not None}


class GatewayTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `[gateway]`."""

    id: Annotated[str, described("Name of this gateway, unique in the company", "name")]
    site: Annotated[str, described("Name of the site", "name")]
    broker: Annotated[str, described("MQTT broker: mqtt://host:port or mqtts://host:port", "text")] = "mqtt://127.0.0.1:1883"
    brokers_more: Annotated[
        list[str], described("Further brokers that central listens to; the gateway stays with the one that works and goes to the next when it fails", "text")
    ] = []
    mqtt_version: Annotated[Literal["auto", "5", "3.1.1"], described("MQTT that the brokers speak; auto: 5, and 3.1.1 where that is refused", "text")] = "auto"
    broker_username: Annotated[str, described("User name at the broker; empty: the gateway's id", "text")] = ""
    broker_password_file: Annotated[
        str, described("File that holds the password; needed unless the broker is on loopback or there is a certificate", "path")
    ] = ""
    broker_ca_file: Annotated[str, described("Certificate authority of an mqtts broker; empty: the system's", "path")] = ""
    broker_certificate_file: Annotated[
        str, described("Certificate (PEM) that this gateway shows to an mqtts broker; read at each connection, so that a renewed one needs no restart", "path")
    ] = ""
    broker_key_file: Annotated[str, described("Key (PEM, not encrypted) of that certificate; empty: in the same file", "path")] = ""
    allow_anonymous_broker: Annotated[bool, described("Use a broker beyond loopback without a password or a certificate", "flag")] = False
    trust_dir: Annotated[
        str, described("Folder that `dockline gateway enrol` made: certificate, authority, the key that signs configurations; empty: not enrolled", "path")
    ] = ""
    configuration_health_s: Annotated[
        float, described("What was up before a configuration was changed must be up again within so long, or the last one returns", "s", gt=0)
    ] = 60.0
    data_dir: Annotated[str, described("Folder for the outbox", "path")] = "/var/lib/dockline"
    listen: Annotated[str, described("Where /health and /metrics are served, host:port; port 0 takes a free one", "text")] = "127.0.0.1:0"
    api_key_file: Annotated[
        str,
        described(
            "File with the key that /health and /metrics ask for. Beyond loopback they always ask: left out, it is `data_dir`/api-key; "
            "a file that is not there is made at the start and its key shown once",
            "path",
        ),
    ] = ""
    outbox_bytes_max: Annotated[int, described("Most bytes of events kept while central is away", "bytes", ge=65_536)] = 512 * 1024 * 1024
    outbox_kept_hours: Annotated[
        float, described("Movements are kept for so long after central has them, for a central that is restored from a backup; 0: not at all", "h", ge=0)
    ] = 48.0
    outbox_kept_share: Annotated[float, described("And in no more than this share of outbox_bytes_max", "share", ge=0, le=0.5)] = 0.1
    card_bytes_written_max: Annotated[
        int, described("Bytes that the card bears over its life (its TBW rating, 1 TB = 10^12); 0: not known, its life is then not told", "bytes", ge=0)
    ] = 0
    report_interval_s: Annotated[float, described("How often the gateway reports its health", "s", gt=0)] = 30.0
    hardware_watchdog: Annotated[
        str, described("Watchdog device that resets the machine when the gateway hangs, for example /dev/watchdog; empty: none", "path")
    ] = ""
    log_format: Annotated[Literal["text", "json"], described("Log lines for people, or one JSON object per line", "choice")] = "text"


class StationTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the tables `[[station]]`; `kind` says which."""

    id: Annotated[str, described("Name of the station, unique on this gateway", "name")]

    def devices(self) -> frozenset[str]:
        """Ids of the devices whose readings the station wants."""
        return frozenset()


class DockDoor(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="dock_door"):
    """A door with an RFID portal: what passed, which way."""

    reader: Annotated[str, described("RFID reader of the portal", "name")]
    inner_antennas: Annotated[list[int], described("Antenna ports on the warehouse's side", "count", min_length=1)]
    outer_antennas: Annotated[list[int], described("Antenna ports on the yard's side", "count", min_length=1)]
    photo_eye_outer: Annotated[InputRef | None, described("Photo-eye on the yard's side", "name")] = None
    photo_eye_inner: Annotated[InputRef | None, described("Photo-eye on the warehouse's side", "name")] = None
    presence: Annotated[InputRef | None, described("Radar, door contact or single beam that says that something is in the portal", "name")] = None
    stack_light: Annotated[OutputRef | None, described("Lamp that is lit after a clear pass (green)", "name")] = None
    stack_light_red: Annotated[OutputRef | None, described("Lamp that is lit after a doubtful pass (red)", "name")] = None
    light_s: Annotated[float, described("How long a lamp stays lit", "s", gt=0, le=60)] = 3.0
    read_point: Annotated[str, described("URI of the read point on events; empty: made of site and station", "text")] = ""
    biz_step: Annotated[str, described("CBV business step on events", "text", min_length=1)] = "receiving"
    quiet_s: Annotated[float, described("A pass ends when no moving tag was read for so long", "s", gt=0, le=60)] = _PORTAL.quiet_s
    settle_s: Annotated[float, described("Late reads are awaited so long after the second photo-eye is free again", "s", ge=0, le=10)] = _PORTAL.settle_s
    session_max_s: Annotated[float, described("A pass ends at the latest after so long", "s", gt=0, le=600)] = _PORTAL.session_max_s
    debounce_s: Annotated[float, described("An eye that flickers for less than this did not change", "s", ge=0, le=2)] = _PORTAL.debounce_s
    glimpsed_timeout_s: Annotated[float, described("ALE GlimpsedTimeout: a tag glimpsed and not read again for so long was nothing", "s", gt=0, le=60)] = (
        _PORTAL.glimpsed_timeout_s
    )
    observed_count_threshold: Annotated[int, described("ALE ObservedCountThreshold: a tag is observed after so many reads", "count", ge=1, le=100)] = (
        _PORTAL.observed_count_threshold
    )
    observed_time_threshold_s: Annotated[
        float, described("ALE ObservedTimeThreshold: or when it was read over so long; 0: by its count alone", "s", ge=0, le=60)
    ] = _PORTAL.observed_time_threshold_s
    lost_timeout_s: Annotated[float, described("ALE LostTimeout: an observed tag not read for so long is gone", "s", gt=0, le=60)] = _PORTAL.lost_timeout_s
    sure: Annotated[float, described("A direction that is less sure than this is unknown, for a person to decide", "probability", ge=0.5, lt=1)] = _PORTAL.sure

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        eyes = {eye.device for eye in (self.photo_eye_outer, self.photo_eye_inner, self.presence) if eye}
        lights = {light.device for light in (self.stack_light, self.stack_light_red) if light}
        return frozenset({self.reader} | eyes | lights)


class PickZone(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="pick_zone"):
    """Bins with pick lights."""

    lights: Annotated[str, described("Controller of the pick lights", "name")]
    bins: Annotated[dict[str, int], described("Which node lights which bin", "count", min_length=1)]
    double_press_s: Annotated[float, described("A second press of the same button within so long is the same press", "s", ge=0, le=5)] = 0.5
    done_node: Annotated[int, described("Node that lights when a tour has nothing left in this zone, until it is pressed; 0: none", "count", ge=0)] = 0
    dark_s: Annotated[float, described("Tasks are given to the screens when the controller is away for so long", "s", gt=0, le=3600)] = 15.0

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        return frozenset({self.lights})


class WeighPoint(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="weigh_point"):
    """A scale: one record per load."""

    scale: Annotated[str, described("The scale", "name")]
    scanner: Annotated[str, described("Scanner whose last scan says what is weighed; empty: none", "name")] = ""
    load_min_g: Annotated[float, described("Least load that is recorded; below half of it the scale is empty", "g", gt=0)] = 20.0
    stable_readings: Annotated[int, described("So many equal stable readings in a row make a record", "count", ge=1, le=50)] = 2
    subject_age_s_max: Annotated[float, described("An older scan is not taken for what is weighed", "s", gt=0)] = 120.0
    ok_light: Annotated[OutputRef | None, described("Lamp (or beeper) that is lit when a scan is expected there (green)", "name")] = None
    wrong_light: Annotated[OutputRef | None, described("Lamp (or beeper) that is lit when a scan is not expected, or was scanned before (red)", "name")] = None
    light_s: Annotated[float, described("How long a lamp stays lit", "s", gt=0, le=60)] = 1.5

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        return frozenset({self.scale} | ({self.scanner} if self.scanner else set()) | _devices_of(self.ok_light, self.wrong_light))


class ScanPoint(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="scan_point"):
    """A scanner whose every scan is an event."""

    scanner: Annotated[str, described("The scanner", "name")]
    biz_step: Annotated[str, described("CBV business step on events", "text", min_length=1)] = "receiving"
    ok_light: Annotated[OutputRef | None, described("Lamp (or beeper) that is lit when a scan is expected there (green)", "name")] = None
    wrong_light: Annotated[OutputRef | None, described("Lamp (or beeper) that is lit when a scan is not expected, or was scanned before (red)", "name")] = None
    light_s: Annotated[float, described("How long a lamp stays lit", "s", gt=0, le=60)] = 1.5

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        return frozenset({self.scanner} | _devices_of(self.ok_light, self.wrong_light))


class ColdRoom(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="cold_room"):
    """A sensor with limits; limits are in the unit that `quantity` ends in, and reaching a limit counts as beyond it."""

    sensor: Annotated[str, described("The sensor", "name")]
    quantity: Annotated[str, described("Which of the sensor's quantities, its unit last", "name", min_length=1)] = "temperature_c"
    high_c: Annotated[float | None, described("Upper limit; leave out for none", "unit of quantity")] = None
    low_c: Annotated[float | None, described("Lower limit; leave out for none", "unit of quantity")] = None
    deadband_c: Annotated[float, described("The alarm clears only this far inside the limit", "unit of quantity", ge=0)] = 0.5
    on_delay_s: Annotated[float, described("Beyond a limit for so long before the alarm is raised", "s", ge=0)] = 60.0
    off_delay_s: Annotated[float, described("Back inside, or the mains back, for so long before it clears", "s", ge=0)] = 60.0
    stale_s: Annotated[float, described("No usable value for so long is an alarm of its own", "s", gt=0)] = 120.0
    sample_interval_s: Annotated[float, described("One sample per so long leaves the gateway; beyond a limit every sample does", "s", ge=0)] = 10.0
    siren: Annotated[OutputRef | None, described("Siren that sounds until somebody acknowledges", "name")] = None
    acknowledge: Annotated[
        ButtonRef | None, described("Button at the room that acknowledges its alarms: an input of a device, or the button of a pick light", "name")
    ] = None
    door: Annotated[ContactRef | None, described("Contact of the room's door; one that stays open raises an alarm", "name")] = None
    door_open_s: Annotated[float, described("The door may be open for so long", "s", gt=0, le=86400)] = 120.0
    mains: Annotated[ContactRef | None, described("Relay that says whether the power of the room is there; its failure raises an alarm", "name")] = None
    mains_failed_s: Annotated[float, described("A failure of the mains that is shorter than this is no alarm", "s", ge=0, le=3600)] = 1.0
    priority: Priority = 2

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        contacts = {each.device for each in (self.acknowledge, self.door, self.mains) if each}
        return frozenset({self.sensor} | _devices_of(self.siren) | contacts)


class CountZone(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="count_zone"):
    """An overhead or handheld reader that counts the tags of a zone when it is asked to."""

    reader: Annotated[str, described("RFID reader that sees the zone", "name")]
    antennas: Annotated[list[int], described("Antenna ports that see the zone; empty: all", "count")] = []
    reads_min: Annotated[int, described("A tag counts after so many reads; more than 1 leaves out glimpses of the next zone", "count", ge=1, le=100)] = 1

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        return frozenset({self.reader})


class DataLogger(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="data_logger"):
    """Devices whose values go up as they are measured: no limits, no alarms. Each quantity of a device (an array is one quantity) is judged for itself."""

    sensors: Annotated[list[str], described("The devices", "name", min_length=1)]
    sample_interval_s: Annotated[float, described("One sample per so long leaves the gateway; 0: each", "s", ge=0)] = 0.0
    deadband: Annotated[
        float,
        described(
            "A sample that differs by no more than this from the one sent last stays here; 0: samples that changed nothing go up too", "unit of quantity", ge=0
        ),
    ] = 0.0
    silence_s_max: Annotated[float, described("With a deadband: a sample goes up after so long all the same", "s", gt=0)] = 60.0

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        return frozenset(self.sensors)


class LabelPoint(StationTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="label_point"):
    """A label printer that central prints on."""

    printer: Annotated[str, described("The printer", "name")]

    def devices(self) -> frozenset[str]:
        """See `StationTable.devices`."""
        return frozenset({self.printer})


AnyStation = DockDoor | PickZone | WeighPoint | ScanPoint | ColdRoom | CountZone | DataLogger | LabelPoint
STATIONS: tuple[type[StationTable], ...] = (DockDoor, PickZone, WeighPoint, ScanPoint, ColdRoom, CountZone, DataLogger, LabelPoint)
Device = tuple[str, DeviceConfig]


class NorthTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """Base of the tables `[[north]]`: who else is told what devices measure; `kind` says how. Never stock movements: those have their own way to central."""

    id: Annotated[str, described("Name of this north side, unique on this gateway", "name")]
    broker: Annotated[str, described("MQTT broker: mqtt://host:port or mqtts://host:port; empty: the gateway's own, with its user and files", "text")] = ""
    broker_username: Annotated[str, described("User name at that broker; empty: the gateway's id", "text")] = ""
    broker_password_file: Annotated[
        str, described("File that holds the password; needed unless that broker is on loopback or there is a certificate", "path")
    ] = ""
    broker_ca_file: Annotated[str, described("Certificate authority of an mqtts broker; empty: the system's", "path")] = ""
    broker_certificate_file: Annotated[str, described("Certificate (PEM) that is shown to an mqtts broker", "path")] = ""
    broker_key_file: Annotated[str, described("Key (PEM, not encrypted) of that certificate; empty: in the same file", "path")] = ""
    allow_anonymous_broker: Annotated[bool, described("Use a broker beyond loopback without a password or a certificate", "flag")] = False
    devices: Annotated[list[str], described("Devices that are told of; empty: all that measure or weigh", "name")] = []
    quantities: Annotated[list[str], described("Quantities that are told, for example temperature_c, weight_g; empty: all", "name")] = []
    interval_s: Annotated[float, described("Each value goes out at most once in so long", "s", ge=0.1, le=3600)] = 1.0
    stale_s: Annotated[
        float, described("An older value counts as stale; for the sensor of a cold room, the room's own stale_s counts", "s", ge=1, le=86400)
    ] = 120.0


class HomeAssistantNorth(NorthTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="home_assistant"):
    """Home Assistant finds the devices by itself (MQTT discovery)."""

    discovery_prefix: Annotated[str, described("Where Home Assistant looks for devices, as set in its MQTT integration", "text", min_length=1)] = (
        "homeassistant"
    )
    withdraw: Annotated[bool, described("Take back all that was announced, before this table is deleted", "flag")] = False
    base_topic: Annotated[str, described("States are told under BASE/SITE/GATEWAY/...", "text", min_length=1)] = "dockline-home"


class SparkplugNorth(NorthTable, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="sparkplug_b"):
    """The gateway is an edge node of Sparkplug B 3.0, its devices are that node's devices."""

    group_id: Annotated[str, described("Sparkplug group", "text", min_length=1)]
    edge_node_id: Annotated[str, described("Sparkplug edge node, unique in the group; empty: SITE.GATEWAY", "text")] = ""
    primary_host_id: Annotated[str, described("Sparkplug host without which nothing is sent; empty: none", "text")] = ""
    history_samples_max: Annotated[
        int, described("Samples kept in memory while they cannot be sent, and sent as historical afterwards; the oldest make room", "count", ge=0, le=100_000)
    ] = 5000


AnyNorth = HomeAssistantNorth | SparkplugNorth
NORTHS: tuple[type[NorthTable], ...] = (HomeAssistantNorth, SparkplugNorth)


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A checked file. `devices` maps an id to the driver's own configuration; `config_hash` is the SHA-256 of the file, 12 hex digits."""

    gateway: GatewayTable
    devices: dict[str, DeviceConfig]
    drivers: dict[str, str]
    stations: dict[str, AnyStation]
    north: dict[str, AnyNorth] = {}
    config_hash: str = ""


Kind = Literal["dock_door", "pick_zone", "weigh_point", "scan_point", "cold_room", "count_zone", "data_logger", "label_point"]


def kind_of(station: type[StationTable]) -> Kind:
    """The word that stands under `kind` in the file."""
    tag: Any = station.__struct_config__.tag
    return tag  # type: ignore[no-any-return]  # msgspec types tags as str | int
