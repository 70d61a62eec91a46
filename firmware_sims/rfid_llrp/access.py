# SPDX-License-Identifier: Apache-2.0
"""AccessSpecs of the simulated reader: which tag they are for, what they do to it, and how that is reported.

Source: LLRP 1.0.1, chapter 11 and 16.2.5, 16.3.1.3 to 16.3.1.5; the results of a wrong password and of locked memory that only 1.1 has are told only
to a client that speaks it, others hear of a nonspecific tag error.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from firmware_sims.rfid_llrp import capabilities
from firmware_sims.rfid_llrp.codec import MalformedError, Node, encode, parse
from firmware_sims.rfid_llrp.settings import FIELD_ERROR, OVERFLOW, PARAMETER_ERROR, PARAMETER_FIELD_ERROR, RefusedError
from firmware_sims.rfid_llrp.tags import Refusal, Tag, TagRefusesError

_LAST_LOCK = 4  # C1G2LockPayload, data field: user memory
_CODES = {  # refusal -> result by operation; (code of 1.0.1, code of 1.1)
    "C1G2Read": {Refusal.OVERRUN: (1, 4), Refusal.LOCKED: (1, 5), Refusal.WRONG_SECRET: (1, 6)},
    "C1G2Write": {Refusal.OVERRUN: (1, 1), Refusal.LOCKED: (2, 2), Refusal.WRONG_SECRET: (4, 7)},
    "C1G2Kill": {Refusal.CANNOT_BE_KILLED: (1, 1), Refusal.WRONG_SECRET: (3, 6)},
    "C1G2Lock": {Refusal.LOCKED: (2, 7), Refusal.WRONG_SECRET: (2, 5)},
}
_ANY_OTHER_FAULT = 1
_BANK_SHIFT = 6
_BYTES_BEFORE_STATE = 11  # header, id, antenna, protocol


@dataclass
class AccessSpec:
    """One AccessSpec. `runs_left` None: it is never deleted by itself."""

    spec_id: int
    raw: bytes
    antenna: int
    rospec_id: int
    targets: list[Node]
    operations: list[Node]
    runs_left: int | None
    is_enabled: bool = False

    @classmethod
    def of(cls, node: Node, raw: bytes) -> AccessSpec:
        """Raises: MalformedError, RefusedError: why it cannot be taken."""
        spec_id, antenna, _, state, rospec_id = node.fields
        stop, command = node.find("AccessSpecStopTrigger"), node.find("AccessCommand")
        tag_spec = command.find("C1G2TagSpec") if command else None
        if stop is None or command is None or tag_spec is None:
            raise RefusedError(PARAMETER_ERROR, "an AccessSpec needs a stop trigger and a command with a tag spec")
        if not spec_id or state & 0x80:
            raise RefusedError(PARAMETER_FIELD_ERROR, "an AccessSpec needs an id above 0 and must be added disabled")
        operations = [part for part in command.inner if part.name != "C1G2TagSpec"]
        if unknown := [part.name for part in operations if part.name not in _DOINGS]:
            raise RefusedError(FIELD_ERROR, f"operation {unknown[0]} is not simulated")
        kind, count = stop.fields
        return cls(spec_id, raw, antenna, rospec_id, tag_spec.find_all("C1G2TargetTag"), operations, count if kind == 1 and count else None)

    def is_for(self, tag: Tag, antenna: int, rospec_id: int) -> bool:
        """Whether it is to be carried out on this tag now."""
        here = self.is_enabled and self.antenna in (0, antenna) and self.rospec_id in (0, rospec_id)
        return here and all(_matches(tag, target) for target in self.targets)

    def carry_out(self, tag: Tag, version: int) -> bytes:
        """Do everything to the tag; returns the results as parameters of its report."""
        if self.runs_left is not None:
            self.runs_left -= 1
        return b"".join(_carry_out(tag, operation, version) for operation in self.operations)

    def encoded(self) -> bytes:
        """As it was added, with the present state."""
        at = _BYTES_BEFORE_STATE
        return self.raw[:at] + bytes([0x80 if self.is_enabled else 0]) + self.raw[at + 1 :]


def _matches(tag: Tag, target: Node) -> bool:
    flags, pointer, mask, data = target.fields
    bits = tag.bits(flags >> _BANK_SHIFT, pointer, len(mask))
    same = bits is not None and all(m == "0" or b == d for m, d, b in zip(mask, data.ljust(len(mask), "0"), bits, strict=False))
    return same == bool(flags & 0x20)


def _carry_out(tag: Tag, operation: Node, version: int) -> bytes:
    code, words = 0, []
    try:
        words = _DOINGS[operation.name](tag, operation)
    except TagRefusesError as error:
        codes = _CODES[operation.name].get(error.refusal, (_ANY_OTHER_FAULT,) * 2)
        code = codes[version >= 2]
    op_spec_id = operation.fields[0]
    if operation.name == "C1G2Read":
        return encode("C1G2ReadOpSpecResult", code, op_spec_id, words)
    if operation.name == "C1G2Write":
        return encode("C1G2WriteOpSpecResult", code, op_spec_id, len(words))
    return encode(f"{operation.name}OpSpecResult", code, op_spec_id)


def _read(tag: Tag, operation: Node) -> list[int]:
    _, password, flags, first, count = operation.fields
    return tag.read(flags >> _BANK_SHIFT, first, count, password)


def _write(tag: Tag, operation: Node) -> list[int]:
    _, password, flags, first, words = operation.fields
    written: list[int] = words[: tag.write(flags >> _BANK_SHIFT, first, words, password)]
    return written


def _kill(tag: Tag, operation: Node) -> list[int]:
    tag.kill(operation.fields[1])
    return []


def _lock(tag: Tag, operation: Node) -> list[int]:
    for payload in operation.find_all("C1G2LockPayload"):
        privilege, part = payload.fields
        tag.lock(privilege & 3, min(part, _LAST_LOCK), operation.fields[1])
    return []


_DOINGS: dict[str, Callable[[Tag, Node], list[int]]] = {"C1G2Read": _read, "C1G2Write": _write, "C1G2Kill": _kill, "C1G2Lock": _lock}


class AccessSpecs:
    """Those that clients added."""

    def __init__(self) -> None:
        self._specs: dict[int, AccessSpec] = {}

    def __len__(self) -> int:
        return len(self._specs)

    def clear(self) -> None:
        """What a power failure does."""
        self._specs.clear()

    def add(self, body: bytes) -> None:
        """ADD_ACCESSSPEC. Raises: RefusedError, MalformedError."""
        nodes = parse(body)
        if len(nodes) != 1 or nodes[0].name != "AccessSpec":
            raise MalformedError("ADD_ACCESSSPEC carries one AccessSpec")
        spec = AccessSpec.of(nodes[0], body)
        if spec.spec_id in self._specs:
            raise RefusedError(FIELD_ERROR, f"there is an AccessSpec {spec.spec_id} already")
        if len(self._specs) >= capabilities.ACCESS_SPECS or len(spec.operations) > capabilities.OP_SPECS:
            raise RefusedError(OVERFLOW, f"this reader takes {capabilities.ACCESS_SPECS} AccessSpecs of {capabilities.OP_SPECS} operations each")
        self._specs[spec.spec_id] = spec

    def _named(self, body: bytes) -> list[AccessSpec]:
        (spec_id,) = struct.unpack_from("!I", body)
        if spec_id and spec_id not in self._specs:
            raise RefusedError(FIELD_ERROR, f"there is no AccessSpec {spec_id}")
        return [self._specs[spec_id]] if spec_id else list(self._specs.values())

    def delete(self, body: bytes) -> None:
        """DELETE_ACCESSSPEC. Raises: RefusedError."""
        for spec in self._named(body):
            del self._specs[spec.spec_id]

    def enable(self, body: bytes) -> None:
        """ENABLE_ACCESSSPEC. Raises: RefusedError."""
        for spec in self._named(body):
            spec.is_enabled = True

    def disable(self, body: bytes) -> None:
        """DISABLE_ACCESSSPEC. Raises: RefusedError."""
        for spec in self._named(body):
            spec.is_enabled = False

    def carry_out(self, tag: Tag, antenna: int, rospec_id: int, version: int) -> tuple[int, bytes] | None:
        """The first that is for this tag (LLRP 1.0.1, 11.2: only one is): its id and the results. None: none is."""
        spec = next((spec for spec in self._specs.values() if spec.is_for(tag, antenna, rospec_id)), None)
        if spec is None:
            return None
        results = spec.carry_out(tag, version)
        if spec.runs_left == 0:
            del self._specs[spec.spec_id]
        return spec.spec_id, results

    def encoded(self) -> bytes:
        """All of them, as they were added, with their states."""
        return b"".join(spec.encoded() for spec in self._specs.values())
