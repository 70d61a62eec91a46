# SPDX-License-Identifier: Apache-2.0
"""Read and check a gateway's file before anything connects. All mistakes are reported at once: file, key, reason, what to do."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from contracts.addresses import is_loopback, parse_broker
from contracts.topics import check_name
from drivers import registry
from drivers.base.config import DeviceConfig, StreamConfig
from drivers.base.errors import ConfigError
from drivers.base.shared_lines import line_key, line_settings
from drivers.base.spec import Capability
from gateway.config import (
    NORTHS,
    STATIONS,
    AnyNorth,
    AnyStation,
    ColdRoom,
    CountZone,
    DataLogger,
    DockDoor,
    GatewayConfig,
    GatewayTable,
    HomeAssistantNorth,
    LabelPoint,
    NorthTable,
    PickZone,
    ScanPoint,
    SparkplugNorth,
    StationTable,
    WeighPoint,
    kind_of,
)

S = TypeVar("S", bound=msgspec.Struct)
_TABLES = {"gateway", "device", "station", "north"}
_WILDCARDS = frozenset("+#")


class Mistake(NamedTuple):
    """One thing that is wrong: the key's path and the reason with what to do."""

    key: str
    reason: str


class ConfigFileError(Exception):
    """A file that cannot be used; `mistakes` has all that was found, the text one line for each."""

    def __init__(self, path: Path, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(f"{path}: {mistake.key}: {mistake.reason}" if mistake.key else f"{path}: {mistake.reason}" for mistake in mistakes))
        self.path = path
        self.mistakes = mistakes


def parse_listen(listen: str) -> tuple[str, int]:
    """Raises: ValueError: not host:port."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"listen {listen!r} is not understood; write host:port, for example 127.0.0.1:9100")
    return host, int(port)


def load_config(path: Path) -> GatewayConfig:
    """Read, convert and cross-check a file.

    Raises: ConfigFileError: with every mistake found.
    """
    try:
        raw = path.read_bytes()
        tables = tomllib.loads(raw.decode())
    except OSError as error:
        raise ConfigFileError(path, [Mistake("", f"cannot read it: {error.strerror}; check the path and its permissions")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigFileError(path, [Mistake("", f"is not TOML: {error}")]) from error
    mistakes: list[Mistake] = []
    config = _convert(tables, mistakes)
    if config is not None:
        mistakes += _cross_checks(config)
    if mistakes or config is None:
        raise ConfigFileError(path, mistakes)
    return msgspec.structs.replace(config, config_hash=hashlib.sha256(raw).hexdigest()[:12])


def load_gateway_only(path: Path) -> GatewayConfig:
    """The table [gateway] of a file whose devices and stations may be wrong: enough for safe mode. Raises: ConfigFileError."""
    try:
        raw = path.read_bytes()
        tables = {"gateway": tomllib.loads(raw.decode()).get("gateway", {})}
    except (OSError, ValueError) as error:
        raise ConfigFileError(path, [Mistake("", f"cannot be read: {error}")]) from error
    mistakes: list[Mistake] = []
    config = _convert(tables, mistakes)
    if config is not None:
        mistakes += _border_checks(config.gateway)
    if mistakes or config is None:
        raise ConfigFileError(path, mistakes)
    return msgspec.structs.replace(config, config_hash=hashlib.sha256(raw).hexdigest()[:12])


def _convert(tables: Mapping[str, Any], mistakes: list[Mistake]) -> GatewayConfig | None:
    mistakes += [
        Mistake(key, f"unknown table{_near(key, _TABLES)}; there are [gateway], [[device]], [[station]] and [[north]]") for key in tables if key not in _TABLES
    ]
    gateway = _struct("gateway", tables.get("gateway", {}), GatewayTable, mistakes)
    if gateway is not None:
        _check_names("gateway", (("id", gateway.id), ("site", gateway.site)), mistakes)
    devices: dict[str, DeviceConfig] = {}
    drivers: dict[str, str] = {}
    for where, table in _array("device", tables, mistakes):
        _device(where, table, devices, drivers, mistakes)
    if gateway is not None:
        devices = {device: table.at_broker(_own_broker(gateway)) for device, table in devices.items()}
    stations: dict[str, AnyStation] = {}
    for where, table in _array("station", tables, mistakes):
        _station(where, table, stations, mistakes)
    north: dict[str, AnyNorth] = {}
    for where, table in _array("north", tables, mistakes):
        _north(where, table, north, mistakes)
    return GatewayConfig(gateway=gateway, devices=devices, drivers=drivers, stations=stations, north=north) if gateway is not None else None


def _array(name: str, tables: Mapping[str, Any], mistakes: list[Mistake]) -> Iterator[tuple[str, dict[str, Any]]]:
    array = tables.get(name, [])
    if not isinstance(array, list) or not all(isinstance(table, dict) for table in array):
        mistakes.append(Mistake(name, f"write it as [[{name}]], once for each"))
        return
    for index, table in enumerate(array):
        label = f' "{table["id"]}"' if isinstance(table.get("id"), str) else ""
        yield f"{name}[{index}]{label}", table


def _device(where: str, table: dict[str, Any], devices: dict[str, DeviceConfig], drivers: dict[str, str], mistakes: list[Mistake]) -> None:
    fields = dict(table)
    device_id, driver = fields.pop("id", None), fields.get("driver")
    if not isinstance(device_id, str) or not isinstance(driver, str):
        mistakes.append(Mistake(where, "needs `id` and `driver`, both text"))
        return
    _check_names(where, (("id", device_id),), mistakes)
    if device_id in drivers:
        mistakes.append(Mistake(f"{where}.id", "is used twice; give every device its own id"))
    try:
        spec = registry.load(driver)
    except ConfigError as error:
        mistakes.append(Mistake(f"{where}.driver", f"{error.message}{_near(driver, set(registry.names()))}"))
        return
    drivers[device_id] = driver
    config = _struct(where, fields, spec.config, mistakes)
    if config is None:
        return
    devices[device_id] = config
    try:
        spec.factory(device_id, config)  # connects nothing; what only the driver knows (a register map's name) is found wrong here
    except ConfigError as error:
        mistakes.append(Mistake(where, error.message))


def _own_broker(gateway: GatewayTable) -> dict[str, str]:
    """What a device that is reached over the gateway's own broker needs of it."""
    keys = ("broker", "broker_password_file", "broker_ca_file", "broker_certificate_file", "broker_key_file")
    user = (gateway.broker_username or gateway.id) if gateway.broker_password_file else ""
    return {"broker_username": user, **{key: getattr(gateway, key) for key in keys}}


def _station(where: str, table: dict[str, Any], stations: dict[str, AnyStation], mistakes: list[Mistake]) -> None:
    station = _of_kind(where, table, "station", {kind_of(each): each for each in STATIONS}, stations, mistakes)
    if station is not None:
        assert isinstance(station, AnyStation)
        stations[station.id] = station


def _north(where: str, table: dict[str, Any], norths: dict[str, AnyNorth], mistakes: list[Mistake]) -> None:
    north = _of_kind(where, table, "north side", {str(each.__struct_config__.tag): each for each in NORTHS}, norths, mistakes)
    if north is not None:
        assert isinstance(north, AnyNorth)
        norths[north.id] = north


def _of_kind(where: str, table: dict[str, Any], what: str, kinds: Mapping[str, type[S]], taken: Mapping[str, object], mistakes: list[Mistake]) -> S | None:
    """A table whose `kind` says what it is, with an id that none of `taken` has."""
    kind: Any = table.get("kind")
    if kind not in kinds:
        reason = f"{kind!r} is no kind of {what}{_near(str(kind), set(kinds))}; there are: {', '.join(sorted(kinds))}"
        mistakes.append(Mistake(f"{where}.kind", reason))
        return None
    made = _struct(where, table, kinds[kind], mistakes)
    if made is not None:
        name: str = made.id  # type: ignore[attr-defined]  # every kind of table has one
        _check_names(where, (("id", name),), mistakes)
        if name in taken:
            mistakes.append(Mistake(f"{where}.id", f"is used twice; give every {what} its own id"))
    return made


def _struct(where: str, table: dict[str, Any], kind: type[S], mistakes: list[Mistake]) -> S | None:
    """Convert one table; all unknown keys are reported, and the first wrong or missing value."""
    known = {field.encode_name for field in msgspec.structs.fields(kind)} | {str(kind.__struct_config__.tag_field)}
    unknown = [key for key in table if key not in known]
    mistakes += [Mistake(f"{where}.{key}", f"unknown key{_near(key, known)}; there are: {', '.join(sorted(known - {'None'}))}") for key in unknown]
    try:
        return msgspec.convert({key: value for key, value in table.items() if key in known}, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        key = path.rstrip("`")
        mistakes.append(Mistake(where + key, reason))
        return None


def _near(word: str, known: set[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _check_names(where: str, names: tuple[tuple[str, str], ...], mistakes: list[Mistake]) -> None:
    for key, name in names:
        try:
            check_name(name)
        except ValueError as error:
            mistakes.append(Mistake(f"{where}.{key}", str(error)))


def _cross_checks(config: GatewayConfig) -> list[Mistake]:
    stations = (mistake for station in config.stations.values() for mistake in _station_checks(station, config))
    return [
        *_border_checks(config.gateway),
        *_endpoint_checks(config),
        *stations,
        *(mistake for north in config.north.values() for mistake in _north_checks(north, config)),
    ]


def _endpoint_checks(config: GatewayConfig) -> Iterator[Mistake]:
    """Two devices that talk over the same line spoil each other's conversation, unless their drivers take turns; then both have to set it up alike."""
    first: dict[str, str] = {}
    for device, table in config.devices.items():
        if not isinstance(table, StreamConfig) or table.shares_endpoint:
            continue
        if (other := first.setdefault(line_key(table), device)) == device:
            continue
        key = f'device "{device}".{"path" if table.path else "host"}'
        before = config.devices[other]
        assert isinstance(before, StreamConfig)
        if not (table.shares_line and before.shares_line):
            reason = "a line carries one device. Only Modbus RTU units share one, each with a `unit_id` of its own"
            yield Mistake(key, f"{table.endpoint} is that of {other!r} already; {reason}")
        elif line_settings(table) != line_settings(before):
            reason = "all devices on a line need the same `baud_rate`, `parity`, `data_bits` and `stop_bits`"
            yield Mistake(key, f"{table.endpoint} is that of {other!r} too, which talks otherwise there; {reason}")


def _border_checks(gateway: GatewayTable) -> Iterator[Mistake]:
    """Closed by default: to a broker on another machine nothing is sent without a secret (for its own address the start makes one)."""
    try:
        parse_listen(gateway.listen)
    except ValueError as error:
        yield Mistake("gateway.listen", str(error))
    for index, url in enumerate((gateway.broker, *gateway.brokers_more)):
        key = "gateway.broker" if not index else f"gateway.brokers_more[{index - 1}]"
        yield from _broker_checks(key, url, gateway)
        if [gateway.broker, *gateway.brokers_more].count(url) > 1 and index:
            yield Mistake(key, f"{url} is named twice; name each broker once")
    yield from _file_checks("gateway", gateway)


def _file_checks(where: str, table: GatewayTable | NorthTable) -> Iterator[Mistake]:
    if table.broker_key_file and not table.broker_certificate_file:
        yield Mistake(f"{where}.broker_key_file", "belongs to a certificate; set `broker_certificate_file` as well")
    for key in ("broker_password_file", "broker_ca_file", "broker_certificate_file", "broker_key_file"):
        path = getattr(table, key)
        if path and not Path(path).is_file():
            yield Mistake(f"{where}.{key}", f"there is no file {path}")


def _north_checks(north: NorthTable, config: GatewayConfig) -> Iterator[Mistake]:
    where = f'north "{north.id}"'
    if north.broker:
        yield from _broker_checks(f"{where}.broker", north.broker, north)
    elif any(getattr(north, key) for key in NorthTable.__struct_fields__ if key.startswith("broker_")):
        yield Mistake(f"{where}.broker", "user and files belong to a broker of its own; set `broker`, or leave them out to use the gateway's")
    yield from _file_checks(where, north)
    for index, device in enumerate(north.devices):
        if device not in config.drivers:
            yield Mistake(f"{where}.devices[{index}]", f"there is no device {device!r}{_near(device, set(config.drivers))}; add a [[device]] with that id")
        elif not {"measures", "weighs"} & registry.load(config.drivers[device]).capabilities:
            yield Mistake(f"{where}.devices[{index}]", f"device {device!r} is a {config.drivers[device]}, which neither measures nor weighs")
    yield from _topic_checks(where, north, config)


def _topic_checks(where: str, north: NorthTable, config: GatewayConfig) -> Iterator[Mistake]:
    is_home = isinstance(north, HomeAssistantNorth)
    if isinstance(north, HomeAssistantNorth) and f"{north.base_topic}/".startswith("dockline/v1/"):
        yield Mistake(f"{where}.base_topic", "belongs to the way to central; use another topic")
    for key in ("discovery_prefix", "base_topic") if is_home else ("group_id", "edge_node_id", "primary_host_id"):
        if found := sorted((_WILDCARDS if is_home else _WILDCARDS | {"/"}) & set(getattr(north, key))):
            yield Mistake(f"{where}.{key}", f"{found[0]!r} cannot stand in it: it parts topics or means many of them")
    alike = [other.id for other in config.north.values() if _tells_as(other) == _tells_as(north)]
    if alike[0] != north.id:
        yield Mistake(where, f"tells the same broker the same as north side {alike[0]!r}; leave one out")


def _tells_as(north: NorthTable) -> tuple[str, ...]:
    if isinstance(north, HomeAssistantNorth):
        return north.broker, north.discovery_prefix
    assert isinstance(north, SparkplugNorth)
    return north.broker, north.group_id, north.edge_node_id


def _broker_checks(key: str, url: str, gateway: GatewayTable | NorthTable) -> Iterator[Mistake]:
    try:
        broker = parse_broker(url)
    except ValueError as error:
        yield Mistake(key, str(error))
        return
    if broker.user or broker.password:
        yield Mistake(key, "user and password have keys of their own: `broker_username` and `broker_password_file`")
    if gateway.broker_certificate_file and not broker.tls:
        yield Mistake(key, "a certificate needs TLS; write mqtts:// or leave out `broker_certificate_file`")
    has_secret = bool(gateway.broker_password_file or gateway.broker_certificate_file)
    if not is_loopback(broker.host) and not has_secret and not gateway.allow_anonymous_broker:
        needed = "`broker_password_file`, or `broker_certificate_file` with `broker_key_file`, or `allow_anonymous_broker = true` if that is meant"
        yield Mistake(key, f"{broker.host} is another machine; set {needed}")


def _door_needs(station: DockDoor) -> Iterator[tuple[str, str, Capability]]:
    yield "reader", station.reader, "reads_tags"
    for key in ("photo_eye_outer", "photo_eye_inner", "presence"):
        if (eye := getattr(station, key)) is not None:
            yield key, eye.device, "senses_inputs"
    for key in ("stack_light", "stack_light_red"):
        if (light := getattr(station, key)) is not None:
            yield key, light.device, "switches_outputs"


def _lights_need(station: WeighPoint | ScanPoint) -> Iterator[tuple[str, str, Capability]]:
    for key in ("ok_light", "wrong_light"):
        if (light := getattr(station, key)) is not None:
            yield key, light.device, "switches_outputs"


def _needs(station: AnyStation) -> Iterator[tuple[str, str, Capability]]:
    """Which key of a station names which device, and what that device must be able to do."""
    match station:
        case DockDoor():
            yield from _door_needs(station)
        case PickZone():
            yield "lights", station.lights, "shows_quantities"
        case WeighPoint():
            yield "scale", station.scale, "weighs"
            if station.scanner:
                yield "scanner", station.scanner, "scans"
            yield from _lights_need(station)
        case ScanPoint():
            yield "scanner", station.scanner, "scans"
            yield from _lights_need(station)
        case DataLogger():
            yield from ((f"sensors[{index}]", sensor, "measures") for index, sensor in enumerate(station.sensors))
        case CountZone():
            yield "reader", station.reader, "reads_tags"
        case LabelPoint():
            yield "printer", station.printer, "prints"
        case ColdRoom():
            yield "sensor", station.sensor, "measures"
            if station.siren is not None:
                yield "siren", station.siren.device, "switches_outputs"
            yield from ((key, contact.device, "senses_inputs") for key in ("door", "mains") if (contact := getattr(station, key)) is not None)
            if station.acknowledge is not None:
                yield "acknowledge", station.acknowledge.device, "senses_inputs" if station.acknowledge.input else "shows_quantities"


def _station_checks(station: AnyStation, config: GatewayConfig) -> Iterator[Mistake]:
    where = f'station "{station.id}"'
    for key, device, capability in _needs(station):
        if device not in config.drivers:
            yield Mistake(f"{where}.{key}", f"there is no device {device!r}{_near(device, set(config.drivers))}; add a [[device]] with that id")
        elif capability not in registry.load(config.drivers[device]).capabilities:
            yield Mistake(f"{where}.{key}", f"device {device!r} is a {config.drivers[device]}, which {_cannot(capability)}")
    yield from _own_checks(where, station)


def _cannot(capability: Capability) -> str:
    verb, _, rest = capability.partition("_")
    return f"does not {verb.removesuffix('es') if verb == 'switches' else verb.removesuffix('s')} {rest}".rstrip()


def _own_checks(where: str, station: StationTable) -> Iterator[Mistake]:
    match station:
        case DockDoor():
            if both := sorted(set(station.inner_antennas) & set(station.outer_antennas)):
                yield Mistake(f"{where}.outer_antennas", f"antenna {both[0]} is on both sides; each antenna belongs to one side")
        case PickZone():
            nodes = list(station.bins.values())
            for bin_code, node in station.bins.items():
                if nodes.count(node) > 1:
                    yield Mistake(f"{where}.bins.{bin_code}", f"node {node} is used for more than one bin; every bin needs its own light")
                if not 1 <= node <= 65535:
                    yield Mistake(f"{where}.bins.{bin_code}", f"node {node} is not an address; use 1 or more")
            if station.done_node in nodes:
                yield Mistake(f"{where}.done_node", f"node {station.done_node} lights a bin; the lamp for completed tours needs its own node")
        case ColdRoom():
            if station.acknowledge is not None and bool(station.acknowledge.input) == bool(station.acknowledge.node):
                yield Mistake(f"{where}.acknowledge", "give either `input` or `node`: the button is one of the two")
            if station.high_c is None and station.low_c is None:
                yield Mistake(f"{where}.high_c", "set `high_c`, `low_c` or both; a cold room without a limit watches nothing")
            elif station.high_c is not None and station.low_c is not None and station.low_c + station.deadband_c >= station.high_c:
                yield Mistake(f"{where}.low_c", f"{station.low_c:g} plus the deadband {station.deadband_c:g} is not below high_c {station.high_c:g}")
