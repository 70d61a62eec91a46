# SPDX-License-Identifier: Apache-2.0
"""Events: what happened to goods or to an alarm, as it crosses the wire from a gateway to central.

Names follow EPCIS 2.0 and CBV where they have a word. An event's identity is (gateway, epoch, lane, seq); the batch carries the first three.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec

from contracts.naming import wire_name
from contracts.quantities import Quantity
from contracts.readings import Identifiers, LinkState

Lane = Literal["movements", "telemetry"]
Clock = Literal["synced", "holdover", "unsynced"]
Direction = Literal["in", "out", "unknown"]
AlarmState = Literal["normal", "unacknowledged", "acknowledged", "rtn_unacknowledged"]
AlarmCondition = Literal["high", "low", "stale", "door_open", "mains_failed"]
"""`high` and `low`: beyond a limit; `stale`: no usable value; `door_open`: for too long; `mains_failed`: the power of the place is gone."""
Outcome = Literal["done", "refused", "expired"]
ScanChecked = Literal["", "expected", "unexpected", "repeated"]
"""What a scan point's list (ScanWork) says of a label; empty where there is no list."""
UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]
Seq = Annotated[int, msgspec.Meta(ge=0)]


def _always(value: str) -> Any:
    """A default that is written on the wire all the same (msgspec omits plain defaults, not what a factory made)."""
    return msgspec.field(default_factory=lambda: value)


LANES: tuple[Lane, ...] = ("movements", "telemetry")


class Event(msgspec.Struct, kw_only=True, tag_field="type", tag=True, rename=wire_name, omit_defaults=True):
    """Base of all events.

    `seq` counts from 1 without holes within (gateway, epoch, lane) and is set by the outbox. `monotonic_s` is the machine's monotonic
    second at which the last byte (or the deadline) that decided the event arrived; with `boot_id` it orders and dates events whose
    wall clock was wrong. `historical` marks backfilled telemetry: it never raises a live alarm nor overwrites a live value.
    """

    seq: Seq = 0
    event_time: UtcTime
    clock: Clock = _always("synced")
    boot_id: str = ""
    monotonic_s: float = 0.0
    historical: bool = False
    station: str = ""


class PassEvidence(msgspec.Struct, kw_only=True, frozen=True, omit_defaults=True):
    """Why a dock door decided as it did: reads, what the antennas and the photo-eyes said each for itself, RSSI-peak seconds per side since the session opened.

    `eyes` is the order in which they were covered ("outer-inner"), `closed_by` what ended the session: eyes, presence, quiet, longest or end.
    """

    reads: int = 0
    eyes: str = ""
    antennas: Direction = "unknown"
    antennas_confidence: float = 0.0
    closed_by: str = ""
    peaks_s: dict[str, float] = {}
    tags_in: int = 0
    tags_out: int = 0
    tags_unknown: int = 0
    duration_s: float = 0.0
    reason: str = ""


class PalletPassed(Event, kw_only=True):
    """Goods went through a dock door. `parent_id` is the pallet's SSCC URI, None when none or several were read.

    `pass_id` (a UUID made of read point, reader time and tags) stays the same when the same reads are sent or worked through again.
    `stray_epcs` stood beside, `doubtful_epcs` may have gone with the goods or not, `neighbour_epcs` were read clearly stronger at another door;
    `strengths_dbm` has the strongest read of each tag that moved or is in doubt. `checked` is what the door's work list (DoorWork `work_version`)
    says of the pallet: expected, unexpected, or empty where there is no list.
    """

    read_point: str
    biz_step: str = _always("receiving")
    action: Literal["OBSERVE"] = _always("OBSERVE")
    direction: Direction
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    parent_id: str | None = None
    child_epcs: list[str] = []
    other_parents: list[str] = []
    stray_epcs: list[str] = []
    evidence: PassEvidence = PassEvidence()
    pass_id: str = ""
    doubtful_epcs: list[str] = []
    neighbour_epcs: list[str] = []
    strengths_dbm: dict[str, float] = {}
    checked: Literal["", "expected", "unexpected"] = ""
    work_version: int = 0


class PassCaptured(Event, kw_only=True):
    """The reads of a pass (lane telemetry), for people to look at and for `dockline door replay`. Lists of one kind are columns of the same length.

    Tags: `epcs` (hex), `results` (moved_in, moved_out, stayed, unknown), `confidences`. Reads: `read_ms` since `started_at`, `read_tags` (index into
    `epcs`), `read_antennas`, `read_rssi_dbm` (None: not told). Edges of photo-eyes: `edge_ms`, `edge_eyes`, `edge_levels`. `sides` says where each
    antenna looks (antenna: inner or outer). `left_out` reads were too many to be kept; they are spread evenly over the pass.
    """

    pass_id: str
    started_at: UtcTime
    direction: Direction
    confidence: Annotated[float, msgspec.Meta(ge=0, le=1)]
    reason: str = ""
    sides: dict[str, str] = {}
    epcs: list[str] = []
    results: list[str] = []
    confidences: list[float] = []
    read_ms: list[int] = []
    read_tags: list[int] = []
    read_antennas: list[int] = []
    read_rssi_dbm: list[float | None] = []
    edge_ms: list[int] = []
    edge_eyes: list[str] = []
    edge_levels: list[bool] = []
    left_out: int = 0


class PickConfirmed(Event, kw_only=True):
    """A lit task was answered at its light or screen. `short` when less than requested was there; `quantity` is what was taken."""

    task_id: str
    quantity: Quantity
    requested: Quantity
    short: bool = False
    biz_step: str = _always("picking")
    device: str = ""
    node: int = 0


class UnexpectedPress(Event, kw_only=True):
    """A button was pressed at a light that was not lit: a possible mispick."""

    device: str
    node: int
    quantity: int | None = None


class LightFailed(Event, kw_only=True):
    """A pick light does not do what it shall: these open tasks must be shown on a screen. `node` 0: the whole controller is away."""

    device: str
    node: int = 0
    bin: str = ""
    task_ids: list[str] = []
    reason: str = ""


class ZoneCompleted(Event, kw_only=True):
    """The last lit task of a tour (of an order, for tasks without a tour) in a pick zone was answered: its tote goes on."""

    tour: str = ""
    order: str = ""
    colour: str = ""


class LampsTested(Event, kw_only=True):
    """A lamp test asked for by `command_id` is over. `fault`: why it could not be carried to its end; then nothing is known of the lamps."""

    command_id: str
    device: str
    tested: int
    dead_bins: list[str] = []
    dead_nodes: list[int] = []
    fault: str = ""


class TagsCounted(Event, kw_only=True):
    """Tags that the reader of a count zone saw for a count, each told once; `complete` on the last event of a sweep, `seen` over all of it."""

    command_id: str
    count_id: str
    epc_list: list[str] = []
    seen: Annotated[int, msgspec.Meta(ge=0)] = 0
    complete: bool = False
    biz_step: str = _always("cycle_counting")


class WeightRecorded(Event, kw_only=True):
    """One stable load on a weigh point. `value` in `unit` as the scale sent it, `weight_mg` converted, `text` the raw line; `subject` the scanned unit.

    `checked`, `work_version`, `task` and `order` are of that scan, as in ItemScanned.
    """

    value: str
    unit: str
    weight_mg: int
    text: str
    net: bool = False
    subject: Identifiers = Identifiers()
    subject_text: str = ""
    checked: ScanChecked = ""
    work_version: int = 0
    task: str = ""
    order: str = ""


class ItemScanned(Event, kw_only=True):
    """A barcode was scanned at a scan point.

    `checked` is what the station's lamps said of it at once by list `work_version` (ScanWork): `expected` for `quantity` pieces of `line` (of `task` and
    `order`), `repeated` when all of them had been scanned before, or `unexpected`.
    """

    text: str
    symbology: str | None = None
    identifiers: Identifiers = Identifiers()
    error: str | None = None
    biz_step: str = _always("receiving")
    checked: ScanChecked = ""
    work_version: int = 0
    line: str = ""
    quantity: Annotated[int, msgspec.Meta(ge=0)] = 0
    task: str = ""
    order: str = ""


class AlarmChanged(Event, kw_only=True):
    """An ISA-18.2 alarm changed its state. `value` and `limit` in the unit that `quantity` ends in; priority 1 is the most urgent of 4."""

    alarm_id: str
    state: AlarmState
    condition: AlarmCondition
    quantity: str
    value: float | None = None
    limit: float | None = None
    priority: Annotated[int, msgspec.Meta(ge=1, le=4)] = 2
    actor: str = ""


class CommandAnswered(Event, kw_only=True):
    """A command was carried out, refused or came too late. `reason` is for people."""

    command_id: str
    outcome: Outcome
    reason: str = ""


class SensorMeasured(Event, kw_only=True):
    """A sample of a sensor (lane telemetry). `quantity` names what and its unit, as in readings; limits are those in force, None where there is none."""

    device: str
    quantity: str
    value: float
    low_limit: float | None = None
    high_limit: float | None = None
    biz_step: str = _always("sensor_reporting")


class SensorArrayMeasured(Event, kw_only=True):
    """Values that a device gave in one answer (lane telemetry), all of one `quantity`; `first` numbers the first of them. None: refused by the gateway."""

    device: str
    quantity: str
    first: int = 0
    values: list[int | float | None]
    biz_step: str = _always("sensor_reporting")


class SensorFailed(Event, kw_only=True):
    """A sensor gave no usable value (lane telemetry)."""

    device: str
    quantity: str
    reason: str


class DeviceLinkChanged(Event, kw_only=True):
    """A device came or went (lane telemetry)."""

    device: str
    state: LinkState
    reason: str = ""


class DeviceConditionChanged(Event, kw_only=True):
    """Something about a device that a person must or may see to began or ended (lane telemetry), as in the reading ConditionChanged.

    What holds is told again after each DeviceLinkChanged `connected` of the device: whoever hears that one forgets what was told before.
    """

    device: str
    condition: str
    active: bool
    reason: str = ""


class LabelPrinted(Event, kw_only=True):
    """What became of the job that PrintLabel `command_id` asked for; told once. `labels`: how many left the printer, None where it does not count.

    `printed`: the printer said that nothing of it is left to print. `taken`: it has taken the bytes and says nothing of itself. `failed`: not all of it
    was printed. `unknown`: the link was lost in the middle, nothing tells what was printed, and it is not printed again without a person. `reason` is
    for people.
    """

    command_id: str
    device: str
    outcome: Literal["printed", "taken", "failed", "unknown"]
    labels: int | None = None
    reason: str = ""


class GatewayReported(Event, kw_only=True):
    """Health of a gateway (lane telemetry)."""

    pending_events: int
    oldest_pending_s: float
    rss_bytes: int
    disk_free_bytes: int
    devices_up: int
    devices_down: int
    devices_given_up: int = 0
    """Devices that are tried only now and then, because trying changes nothing."""
    payload_bytes: int = 0
    """Bytes of the events accepted since the start."""
    written_bytes: int = 0
    """Bytes handed to the disk for them since the start; over `payload_bytes` that is the write amplification."""
    card_life_days: float | None = None
    """How long the card lasts at the present rate of writing; None: not known yet, or no budget is configured."""
    config_version: int = 0
    config_fault: str = ""
    """Why the newest configuration pushed is not in force; empty: it is."""
    certificate_until: UtcTime | None = None


class ClockSet(Event, kw_only=True):
    """The clock of a gateway became synchronised, or was set while it was or was not (lane movements, so that it is not lost).

    When this event is stamped `synced`, every event of the same `boot_id` that is stamped `unsynced` happened at `event_time` less the difference of the two
    `monotonic_s`. What it said stays; central keeps both. `offset_s`: how much later the wall clock is than it was reckoned to be (negative: earlier).
    """

    offset_s: float
    reason: Literal["first_sync", "step"]


class ConfigurationChanged(Event, kw_only=True):
    """What became of a configuration (lane movements): `applied`, `refused` (never in force), or `returned` (health failed, the last good one is in force)."""

    version: int
    outcome: Literal["applied", "refused", "returned"]
    in_force: int
    reason: str = ""
    actor: str = ""


class DeviceSwapped(Event, kw_only=True):
    """Another piece of hardware stands at the place of a device (lane movements). Serial numbers as the devices or persons tell them; empty: not known."""

    device: str
    old_serial: str = ""
    new_serial: str = ""
    actor: str = ""


AnyEvent = (
    PalletPassed
    | PickConfirmed
    | UnexpectedPress
    | LightFailed
    | ZoneCompleted
    | LampsTested
    | TagsCounted
    | WeightRecorded
    | ItemScanned
    | AlarmChanged
    | CommandAnswered
    | SensorMeasured
    | SensorArrayMeasured
    | SensorFailed
    | DeviceLinkChanged
    | DeviceConditionChanged
    | LabelPrinted
    | GatewayReported
    | PassCaptured
    | ClockSet
    | ConfigurationChanged
    | DeviceSwapped
)

MOVEMENTS: tuple[type[Event], ...] = (
    PalletPassed,
    PickConfirmed,
    UnexpectedPress,
    LightFailed,
    ZoneCompleted,
    LampsTested,
    TagsCounted,
    WeightRecorded,
    ItemScanned,
    AlarmChanged,
    CommandAnswered,
    ClockSet,
    ConfigurationChanged,
    DeviceSwapped,
    LabelPrinted,
)
TELEMETRY: tuple[type[Event], ...] = (
    SensorMeasured,
    SensorArrayMeasured,
    SensorFailed,
    DeviceLinkChanged,
    DeviceConditionChanged,
    GatewayReported,
    PassCaptured,
)


def lane_of(event: Event) -> Lane:
    """The lane in which an event travels: movements (goods, picks, alarms) or telemetry."""
    return "movements" if isinstance(event, MOVEMENTS) else "telemetry"
