# SPDX-License-Identifier: Apache-2.0
"""Map files: which registers of a Modbus unit hold what, in which unit, and which of their values are lies."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.base.errors import ConfigError

SHIPPED = Path(__file__).parent / "maps"
_FORMATS = {"int16": ">h", "uint16": ">H", "int32": ">i", "uint32": ">I", "float32": ">f", "bcd16": ">H", "bcd32": ">I"}
Number = Literal["int16", "uint16", "int32", "uint32", "float32", "bcd16", "bcd32"]
WordOrder = Literal["big", "little", "ABCD", "CDAB", "BADC", "DCBA"]
"""In which order the bytes of a number come; A is the most significant. `big` is ABCD and `little` CDAB; of 16 bits A and B are all there is."""
REGISTERS_MAX = 125  # Modbus Application Protocol V1.1b3, 6.3
_ROUNDING_DIGITS = 6  # 305 * 0.1 shall read 30.5


class ValueRefused(ValueError):
    """What stands in the registers is no measured value; the text says why, for people."""


class MappedValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A measured value: `offset` registers into its block, `type` and `word_order` as in the maker's table, value = raw * scale + add.

    With `stuck_s` a value that has been exactly the same for so long is refused: at a resolution of 0.01 that of a working probe never is. Outside
    `low`..`high` (what the sensor can physically measure, in the unit that `quantity` ends in) or equal to one of the raw `sentinels` it is refused too.
    """

    quantity: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    offset: Annotated[int, msgspec.Meta(ge=0, le=124)] = 0
    type: Number = "int16"
    word_order: WordOrder = "big"
    scale: float = 1.0
    add: float = 0.0
    low: float
    high: float
    sentinels: tuple[int, ...] = ()
    stuck_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    @property
    def size_words(self) -> int:
        """Registers that it takes: 1 or 2."""
        return struct.calcsize(_FORMATS[self.type]) // 2

    def decode(self, registers: Sequence[int]) -> float:
        """The value in its unit. Raises: ValueRefused: sentinel, not a number, or out of the physical range."""
        data = ordered(registers[self.offset : self.offset + self.size_words], self.word_order)
        if int.from_bytes(data, "big") in self.sentinels:
            raise ValueRefused(f"the device reports no valid value (raw {data.hex()}); check the sensor's probe")
        value = self._raw(data) * self.scale + self.add
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ValueRefused(f"{value:g} is outside what the sensor can measure ({self.low:g} to {self.high:g}, raw {data.hex()}); check probe and map")
        return float(round(value, _ROUNDING_DIGITS))

    def _raw(self, data: bytes) -> float:
        if not self.type.startswith("bcd"):
            raw: float
            (raw,) = struct.unpack(_FORMATS[self.type], data)
            return raw
        if not data.hex().isdecimal():
            raise ValueRefused(f"raw {data.hex()} is not in BCD; check the map")
        return int(data.hex())


def ordered(registers: Sequence[int], word_order: WordOrder) -> bytes:
    """The bytes of a number, the most significant first."""
    words = reversed(registers) if word_order in ("little", "CDAB", "DCBA") else registers
    swapped = word_order in ("BADC", "DCBA")
    return b"".join(word.to_bytes(2, "little" if swapped else "big") for word in words)


class Array(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many values of one kind that lie side by side, read in one request and handed on as one reading.

    `address` is the wire address of the first and also its number in the reading; `count` values of `type`. Outside `low`..`high`, not a number, or equal
    to one of the raw `sentinels` a single value is refused: it stands as None among the others.
    """

    quantity: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]
    function: Literal[3, 4] = 3
    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    count: Annotated[int, msgspec.Meta(ge=1, le=REGISTERS_MAX)]
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] = "uint16"
    word_order: WordOrder = "big"
    scale: float = 1.0
    low: float | None = None
    high: float | None = None
    sentinels: tuple[int, ...] = ()

    @property
    def size_words(self) -> int:
        """Registers that it takes."""
        return self.count * struct.calcsize(_FORMATS[self.type]) // 2

    @property
    def quantities(self) -> tuple[str, ...]:
        """What it holds."""
        return (self.quantity,)

    def decode(self, registers: Sequence[int]) -> list[int | float | None]:
        """The values in their unit, `count` of them; whole numbers stay whole where `scale` is 1."""
        raw = self._raw(registers)
        if self.type == "float32" or self.scale != 1.0:
            scaled: list[int | float | None] = [round(number * self.scale, _ROUNDING_DIGITS) if math.isfinite(number) else None for number in raw]
        else:
            scaled = list(raw)
        return [None if self._is_refused(value) else value for value in self._without_sentinels(scaled, registers)] if self._refuses else scaled

    @property
    def _refuses(self) -> bool:
        return self.low is not None or self.high is not None or bool(self.sentinels)

    def _is_refused(self, value: int | float | None) -> bool:
        return value is None or (self.low is not None and value < self.low) or (self.high is not None and value > self.high)

    def _words(self, registers: Sequence[int]) -> Sequence[int]:
        if self.word_order in ("big", "ABCD"):
            return registers
        if self.word_order in ("BADC", "DCBA"):
            registers = [(word & 0xFF) << 8 | word >> 8 for word in registers]
        if self.size_words == self.count or self.word_order == "BADC":
            return registers
        return [registers[index ^ 1] for index in range(len(registers))]

    def _raw(self, registers: Sequence[int], kind: str = "") -> tuple[int | float, ...]:
        if (kind or self.type) == "uint16":
            return tuple(self._words(registers))
        words = self._words(registers)
        return struct.unpack(f">{self.count}{_FORMATS[kind or self.type][1]}", struct.pack(f">{len(words)}H", *words))

    def _without_sentinels(self, values: list[int | float | None], registers: Sequence[int]) -> list[int | float | None]:
        if not self.sentinels:
            return values
        raw = self._raw(registers, "uint16" if self.size_words == self.count else "uint32")
        return [None if bits in self.sentinels else value for value, bits in zip(values, raw, strict=True)]


class Check(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A register of a block that says whether the values beside it are what the map says: their unit, the state of the probe.

    The values are refused with `reason` when the bits of `mask` are one of `wrong`, or, where `right` is given, none of those.
    """

    offset: Annotated[int, msgspec.Meta(ge=0, le=124)]
    mask: Annotated[int, msgspec.Meta(ge=1, le=0xFFFF)] = 0xFFFF
    wrong: tuple[int, ...] = ()
    right: tuple[int, ...] = ()
    reason: str


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A digital input: `number` as printed on the device, `offset` bits into its block. It has changed when it was read so for `debounce_s`."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    offset: Annotated[int, msgspec.Meta(ge=0, le=1999)]
    debounce_s: Annotated[float, msgspec.Meta(ge=0, le=10)] = 0.1
    inverted: bool = False


class SerialNumber(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the device keeps its serial number: read once, before anything else."""

    function: Literal[3, 4] = 3
    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    count: Annotated[int, msgspec.Meta(ge=1, le=REGISTERS_MAX)]
    format: Literal["bcd", "number", "text"] = "bcd"

    @property
    def size_words(self) -> int:
        """Registers that it takes."""
        return self.count

    @property
    def quantities(self) -> tuple[str, ...]:
        """It measures nothing."""
        return ()

    def decode(self, registers: Sequence[int]) -> str:
        """As people read it off the device; empty: the device tells none."""
        data = ordered(registers, "ABCD")
        if self.format == "text":
            return data.decode("ascii", "replace").strip(" \x00")
        return data.hex() if self.format == "bcd" and data.hex().isdecimal() else str(int.from_bytes(data, "big"))


class Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Registers (functions 3, 4) or bits (1, 2) read in one request. `address` as on the wire: the table's number minus one."""

    function: Literal[1, 2, 3, 4]
    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
    count: Annotated[int, msgspec.Meta(ge=1, le=REGISTERS_MAX)]
    values: tuple[MappedValue, ...] = ()
    inputs: tuple[Input, ...] = ()
    checks: tuple[Check, ...] = ()

    def check(self, registers: Sequence[int]) -> None:
        """Raises: ValueRefused: a register of the block says that its values are not what the map says."""
        for each in self.checks:
            found = registers[each.offset] & each.mask
            if found in each.wrong or (each.right and found not in each.right):
                raise ValueRefused(f"{each.reason} (register {self.address + each.offset:#06x} is {found})")

    @property
    def size_words(self) -> int:
        """Registers or bits that one request reads."""
        return self.count

    @property
    def quantities(self) -> tuple[str, ...]:
        """What it holds."""
        return tuple(value.quantity for value in self.values)


class Output(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A switched output: `number` as printed on the device, `address` of its coil (function 05)."""

    number: Annotated[int, msgspec.Meta(ge=0)]
    address: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]


class ModbusMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device family. `worst_reply_s`: the latest a reply was ever seen or documented after its request."""

    title: str
    source: str
    worst_reply_s: Annotated[float, msgspec.Meta(gt=0, le=60)]
    blocks: tuple[Block, ...] = ()
    arrays: tuple[Array, ...] = ()
    outputs: tuple[Output, ...] = ()
    serial: SerialNumber | None = None

    def __post_init__(self) -> None:
        if not self.blocks and not self.arrays:
            raise ValueError("nothing to read: give `blocks`, `arrays` or both")
        if wide := next((array for array in self.arrays if array.size_words > REGISTERS_MAX), None):
            raise ValueError(f"`{wide.quantity}` takes {wide.size_words} registers; one request reads at most {REGISTERS_MAX}: make several arrays of it")
        lengths = [(block.function, block.count) for block in self.blocks] + [(array.function, array.size_words) for array in self.arrays]
        if len(set(lengths)) < len(lengths):
            raise ValueError("two blocks with the same function have the same `count`: a late reply to one would pass for the other; read one register more")
        if len(set(self.quantities)) < len(self.quantities):
            raise ValueError("a quantity is mapped twice")
        for block in self.blocks:
            for value in block.values:
                if block.function < 3 or value.offset + value.size_words > block.count:
                    raise ValueError(f"`{value.quantity}` does not lie within the registers of its block")
            self._check_bits(block)
        numbers = [each.number for block in self.blocks for each in block.inputs]
        if len(set(numbers)) < len(numbers):
            raise ValueError("an input is mapped twice")

    @staticmethod
    def _check_bits(block: Block) -> None:
        if block.inputs and block.function > 2:
            raise ValueError("inputs are bits: read them with function 1 or 2")
        if late := next((each for each in block.inputs if each.offset >= block.count), None):
            raise ValueError(f"input {late.number} does not lie within the bits of its block")
        if any(each.offset >= block.count or block.function < 3 for each in block.checks):
            raise ValueError("a check does not lie within the registers of its block")

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of all values and arrays, in order of the map."""
        return tuple(value.quantity for block in self.blocks for value in block.values) + tuple(array.quantity for array in self.arrays)


def load_map(name: str) -> ModbusMap:
    """A shipped map by its name, or a map file by its path.

    Raises: ConfigError: no such map, or the file is wrong; names the file, the key and the reason.
    """
    path = Path(name) if name.endswith(".toml") else SHIPPED / f"{name}.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=ModbusMap)
    except OSError as error:
        shipped = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.toml")))
        reason = f"no register map {name!r} ({error.strerror}); shipped are {shipped}, or give the path of a .toml file"
        raise ConfigError(reason, operation="configuration") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"register map {path}: {error}", operation="configuration") from error
