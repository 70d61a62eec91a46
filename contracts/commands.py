# SPDX-License-Identifier: Apache-2.0
"""Commands: what central asks of a gateway. Each has an id and a deadline; doing one twice changes nothing; each is answered by CommandAnswered."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from contracts.events import UtcTime
from contracts.naming import wire_name
from contracts.quantities import Quantity


class Command(msgspec.Struct, kw_only=True, tag_field="type", tag=True, rename=wire_name, omit_defaults=True):
    """Base of all commands. After `deadline_at` a gateway answers `expired` instead of doing it."""

    command_id: str
    station: str
    deadline_at: UtcTime


GATEWAY = "@gateway"
"""In the place of a station: the command is for the gateway itself. No station can have this name."""


class PickTask(msgspec.Struct, kw_only=True, frozen=True, rename=wire_name, omit_defaults=True):
    """Take `quantity` of an item from a bin, or put it into a slot of a wall. `colour` is the picker's (red, green, orange, blue, pink, cyan).

    Tasks of one `tour` that have a `sequence` are lit one after the other in that order; those without are lit at once.
    """

    task_id: str
    bin: str
    item: str
    quantity: Quantity
    lot: str = ""
    order: str = ""
    colour: str = "green"
    tour: str = ""
    sequence: Annotated[int, msgspec.Meta(ge=0)] = 0


class LightTasks(Command, kw_only=True):
    """Light these pick tasks in a pick zone; a task already known takes over colour, tour and sequence and keeps its quantity."""

    tasks: Annotated[list[PickTask], msgspec.Meta(min_length=1)]


class CancelTasks(Command, kw_only=True):
    """Put out the lights of these tasks; one that is already answered stays answered."""

    task_ids: list[str]


class AcknowledgeAlarm(Command, kw_only=True):
    """A person has taken an alarm in hand; the siren stops."""

    alarm_id: str
    actor: str


class LampTest(Command, kw_only=True):
    """Light every lamp of a pick zone for a moment; the event LampsTested says which stayed dark."""


class CountTags(Command, kw_only=True):
    """Tell every tag that the reader of a count zone sees in the next `duration_s` seconds, once each, for a count; the same command again starts nothing."""

    count_id: str
    duration_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 30.0


class DoorWork(Command, kw_only=True):
    """What may pass a dock door from now on; it replaces the list before, one with a lower `version` changes nothing, and it outlives a restart.

    `may_leave` and `may_come` are SSCCs (18 digits). None: this way is not checked; an empty list: nothing may pass this way. `load` and `vehicle`
    name for people what stands at the door.
    """

    version: Annotated[int, msgspec.Meta(ge=1)]
    may_leave: list[str] | None = None
    may_come: list[str] | None = None
    load: str = ""
    vehicle: str = ""


class ScanLine(msgspec.Struct, kw_only=True, frozen=True, rename=wire_name, omit_defaults=True):
    """Goods that are expected at a scan point: `quantity` pieces that one label after the other stands for.

    `line` names it for good: what was scanned is counted under it from list to list. `codes` are the labels that may be on the goods (an SSCC of 18
    digits, a GTIN of 14, or a code of the house), each with the pieces that one label stands for. A label that carries a lot must carry `lot`, one that
    carries a serial must carry one of `serials`; empty: any. Central knows of `here` pieces
    that were scanned at this station and `elsewhere` at others. `task` and `order` are for people.
    """

    line: str
    codes: Annotated[dict[str, Annotated[int, msgspec.Meta(ge=1)]], msgspec.Meta(min_length=1)]
    quantity: Annotated[int, msgspec.Meta(ge=1)] = 1
    lot: str = ""
    serials: list[str] = []
    here: Annotated[int, msgspec.Meta(ge=0)] = 0
    elsewhere: Annotated[int, msgspec.Meta(ge=0)] = 0
    task: str = ""
    order: str = ""


class ScanWork(Command, kw_only=True):
    """What is expected at a scan point, or at a weigh point with a scanner, from now on; whole, versioned and kept like DoorWork.

    None: scans are not checked there; an empty list: nothing is expected.
    """

    version: Annotated[int, msgspec.Meta(ge=1)]
    expected: list[ScanLine] | None = None


class PrintLabel(Command, kw_only=True):
    """Print this at a label point; the event LabelPrinted tells what became of it. The same command again prints nothing.

    `data` is ZPL as text, or any bytes as base64; all of it is sent `copies` times. `title` says for people what it is.
    """

    data: Annotated[str, msgspec.Meta(min_length=1, max_length=1_048_576)]
    encoding: Literal["text", "base64"] = "text"
    copies: Annotated[int, msgspec.Meta(ge=1, le=999)] = 1
    title: str = ""


class ConfigureGateway(Command, kw_only=True):
    """Take over this configuration (TOML text) once its signature by the site's key and a dry run have shown it to be good.

    A `version` that is not above the one in force changes nothing. `signature` is over `configuration_payload` (contracts/signatures.py).
    """

    version: Annotated[int, msgspec.Meta(ge=1)]
    document: str
    signature: str
    actor: str = ""


class SwapDevice(Command, kw_only=True):
    """Bind the place of a device to another piece of hardware, known by its serial number; the rest of its configuration stays."""

    device: str
    serial: str
    host: str = ""
    actor: str = ""


AnyCommand = LightTasks | CancelTasks | AcknowledgeAlarm | LampTest | CountTags | DoorWork | ScanWork | PrintLabel | ConfigureGateway | SwapDevice
