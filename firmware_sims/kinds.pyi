# SPDX-License-Identifier: Apache-2.0
"""The simulators as functions, for type checkers; `firmware_sims.sims` makes them when the program runs. Written by `make docs`."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict, Unpack

from firmware_sims.rig.plan import Over
from firmware_sims.sims import SimulatedDevice

Written = str | float | bool
"""A condition as people write it: "12.5 kg", "open", 0."""

class Line(TypedDict, total=False):
    """What `device` takes of every simulator."""

    over: Over | None
    host: str
    port: int
    link: str
    faults: Mapping[str, str | float | bool] | None
    seed: int | None
    id: str

def bus_modbus(
    *,
    sensors: int = ...,
    relays: int = ...,
    inputs: int = ...,
    reply_delay_s: float = ...,
    baud_rate: int = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def controller_modbus(
    *,
    framing: Literal["tcp", "rtu"] = ...,
    unit_id: int = ...,
    reply_delay_s: float = ...,
    count: int = ...,
    stamps: bool = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def gpio_lines(
    *,
    clock: str = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def inputs_modbus(
    *,
    framing: Literal["tcp", "rtu"] = ...,
    unit_id: int = ...,
    reply_delay_s: float = ...,
    door: Written = ...,
    mains: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def light_ablepick(
    *,
    nodes: Sequence[int] | str = ...,
    is_at400: bool = ...,
    supply: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def light_modbus(
    *,
    nodes: int = ...,
    reply_delay_s: float = ...,
    baud_rate: int = ...,
    colours: int = ...,
    key: Written = ...,
    power: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def light_mqtt(
    *,
    nodes: int = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def light_points_modbus(
    *,
    nodes: int = ...,
    reply_delay_s: float = ...,
    baud_rate: int = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def printer_zpl(
    *,
    model: str = ...,
    firmware: str = ...,
    serial: str = ...,
    dpi: int = ...,
    label_mm: float = ...,
    speed_mm_s: float = ...,
    labels_on_roll: int = ...,
    thermal_transfer: bool = ...,
    answers: bool = ...,
    counts: bool = ...,
    silent_when_stopped: bool = ...,
    buffer_bytes: int = ...,
    cutter: Written = ...,
    head: Written = ...,
    paper: Written = ...,
    pause: Written = ...,
    printhead: Written = ...,
    ribbon: Written = ...,
    temperature: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def relay_modbus(
    *,
    framing: Literal["tcp", "rtu"] = ...,
    unit_id: int = ...,
    reply_delay_s: float = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def rfid_llrp(
    *,
    antennas: int = ...,
    inputs: int = ...,
    outputs: int = ...,
    has_utc_clock: bool = ...,
    utc_at_zero_us: int = ...,
    version_max: int = ...,
    maker: int = ...,
    refuses: str = ...,
    ignores_version: bool = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_8217(
    *,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    habit: Literal["manual", "emupos"] = ...,
    parity: bool = ...,
    with_unit: bool = ...,
    broken: Written = ...,
    drift: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_cas(
    *,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    size: int = ...,
    mode: str = ...,
    device_number: int = ...,
    raw_id: bool = ...,
    relays: int = ...,
    drift: Written = ...,
    hold: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_cas_pos(
    *,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    check: str = ...,
    drift: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_continuous(
    *,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    layout: Literal["long", "short", "cardinal"] = ...,
    checksum: bool = ...,
    rate_hz: float = ...,
    parity: bool = ...,
    zeros_sent: bool = ...,
    drift: Written = ...,
    expanded: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_hid(
    *,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    report_id: int = ...,
    drift: Written = ...,
    fault: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_lines(
    *,
    make: str = ...,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    mode: str = ...,
    serial: str = ...,
    drift: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_nci(
    *,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    status_bytes: int = ...,
    letter_s: bool = ...,
    upper: bool = ...,
    unknown: str = ...,
    status_only: bool = ...,
    knows: str = ...,
    drift: Written = ...,
    fault: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_sics(
    *,
    capacity_g: float = ...,
    division_g: float = ...,
    unit: str = ...,
    serial: str = ...,
    stability_timeout_s: float = ...,
    load: str = ...,
    drift: Written = ...,
    error: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scale_sma(
    *,
    capacity: float = ...,
    division: float = ...,
    unit: str = ...,
    level: int = ...,
    serial: str = ...,
    drift: Written = ...,
    fault: Written = ...,
    load: Written = ...,
    moving: Written = ...,
    tare: Written = ...,
    vibration: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scanner_cognex(
    *,
    model: str = ...,
    serial: str = ...,
    extended: bool = ...,
    knows_header_mode: bool = ...,
    negotiates: bool = ...,
    continuous: bool = ...,
    timeout_s: float = ...,
    says_no_read: str = ...,
    sends_aim: bool = ...,
    encoding: str = ...,
    label: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scanner_datalogic(
    *,
    frame: str = ...,
    no_read: str = ...,
    begins: str = ...,
    ends: str = ...,
    heartbeat: str = ...,
    heartbeat_s: float = ...,
    continuous: bool = ...,
    timeout_s: float = ...,
    sends_aim: bool = ...,
    encoding: str = ...,
    label: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scanner_evdev(
    *,
    layout: str = ...,
    gs: str = ...,
    ends_with: str = ...,
    alt_mode: bool = ...,
    caps_lock: bool = ...,
    sends_aim: bool = ...,
    record_bytes: int = ...,
    report_s: float = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scanner_serial(
    *,
    suffix: str = ...,
    sends_aim: bool = ...,
    separator: str = ...,
    encoding: str = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scanner_ssi(
    *,
    sends_aim: bool = ...,
    gs1_types: bool = ...,
    checksum_low_first: bool = ...,
    packet_data_max: int = ...,
    asleep: bool = ...,
    encoding: str = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def scanner_tcp(
    *,
    model: str = ...,
    firmware: str = ...,
    answers_basic: bool = ...,
    continuous: bool = ...,
    timeout_s: float = ...,
    sends_aim: bool = ...,
    encoding: str = ...,
    label: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def sensor_ble(
    *,
    kinds: str = ...,
    interval_s: float = ...,
    rssi_dbm: int = ...,
    temperature: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def sensor_modbus(
    *,
    map: Literal["xy_md02", "xy_md02_hundredths", "comet_tx5xx"] = ...,
    framing: Literal["tcp", "rtu"] = ...,
    unit_id: int = ...,
    reply_delay_s: float = ...,
    serial: str = ...,
    humidity: Written = ...,
    temperature: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def sensor_onewire(
    *,
    roms: str = ...,
    bulk: bool = ...,
    hasty: bool = ...,
    temperature: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def tower_patlite(
    *,
    model: Literal["la6", "lr5", "nh"] = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
def transmitter_modbus(
    *,
    kind: Literal["generic", "th332"] = ...,
    framing: Literal["tcp", "rtu"] = ...,
    unit_id: int = ...,
    reply_delay_s: float = ...,
    serial: str = ...,
    temperature: Written = ...,
    **line: Unpack[Line],
) -> SimulatedDevice: ...
