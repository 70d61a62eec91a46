# SPDX-License-Identifier: Apache-2.0
"""Map files: which registers or coils of which unit are a tag's display, lamp, buzzer and keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from drivers.base.errors import ConfigError

SHIPPED = Path(__file__).parent / "maps"
COLOURS = ("red", "green", "orange", "blue", "pink", "cyan")
ANY_COLOUR = "any"
UNIT_MAX = 247  # Serial Line V1.02, 2.2
_NOT_OFFERED = {
    "pick_iq": "Banner has published the registers by which a PICK-IQ is configured, not those by which it is lit and answered; it is no pick light here",
}
_WORDS = {"uint16": 1, "uint32": 2, "bcd16": 1, "bcd32": 2}
_Address = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
_Words = tuple[Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)], ...]
Format = Literal["uint16", "uint32", "bcd16", "bcd32", "ascii"]


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a part of each tag is. Tag n is at unit `unit_first` + (n - 1) // `nodes_per_unit`; of the tags of one unit each is `address_step` further."""

    function: Literal[1, 2, 3, 4, 5, 6, 15, 16]
    address: _Address
    unit_first: Annotated[int, msgspec.Meta(ge=1, le=UNIT_MAX)] = 1
    nodes_per_unit: Annotated[int, msgspec.Meta(ge=1, le=UNIT_MAX)] = 1
    address_step: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0

    def unit(self, node: int) -> int:
        """Modbus unit of a tag."""
        return self.unit_first + (node - 1) // self.nodes_per_unit

    def index(self, node: int) -> int:
        """Which of the tags of its unit it is, from 0."""
        return (node - 1) % self.nodes_per_unit

    def at(self, node: int) -> int:
        """Wire address of a tag's part."""
        return self.address + self.index(node) * self.address_step


class Display(Place, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Digits, written by function 06 or 16. `blank` is written to put it out.

    `ascii`: a register for each digit, right-aligned. `shown_at`: from which register of the keys' block the tag tells what it shows, which its own
    +/- keys may have changed; -1: it does not. `read_function`: by which it can be read back at its own address; 0: not at all.
    """

    format: Format = "uint16"
    digits: Annotated[int, msgspec.Meta(ge=1, le=6)] = 4
    word_order: Literal["big", "little"] = "big"
    blank: _Words
    shown_at: Annotated[int, msgspec.Meta(ge=-1, le=124)] = -1
    read_function: Literal[0, 3, 4] = 0

    @property
    def size_words(self) -> int:
        """Registers that it takes."""
        return self.digits if self.format == "ascii" else _WORDS[self.format]

    @property
    def quantity_max(self) -> int:
        """The largest number that it shows."""
        return int(min(10**self.digits - 1, 0xFFFF if self.format == "uint16" else 10**4 - 1 if self.format == "bcd16" else 10**6))

    def encode(self, quantity: int) -> tuple[int, ...]:
        """Registers that show a number."""
        if self.format == "ascii":
            return tuple(f"{quantity:>{self.digits}d}".encode("ascii"))
        number = int(str(quantity), 16) if self.format.startswith("bcd") else quantity
        words = tuple(number >> 16 * n & 0xFFFF for n in range(self.size_words))
        return words if self.word_order == "little" else words[::-1]

    def decode(self, words: Sequence[int]) -> int | None:
        """The number that registers show; None: blank, or none."""
        if tuple(words) == self.blank:
            return None
        if self.format == "ascii":
            text = "".join(chr(word & 0x7F) for word in words).strip(" \x00")
            return int(text) if text.isdigit() else None
        number = sum(word << 16 * n for n, word in enumerate(words if self.word_order == "little" else reversed(words)))
        if not self.format.startswith("bcd"):
            return number
        return int(f"{number:x}") if f"{number:x}".isdecimal() else None


class Lamp(Place, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A lamp, written by function 05, 06, 15 or 16: `colours` has what each colour is (`any`: all others), `off` what is written to put it out.

    For `shown_at` and `read_function` see `Display`.
    """

    colours: dict[str, _Words]
    off: _Words
    shown_at: Annotated[int, msgspec.Meta(ge=-1, le=124)] = -1
    read_function: Literal[0, 1, 2, 3, 4] = 0

    def encode(self, colour: str) -> tuple[int, ...] | None:
        """What is written for a colour; None: it has no such colour."""
        return self.colours.get(colour, self.colours.get(ANY_COLOUR))


class Buzzer(Place, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A buzzer, written by function 05, 06 or 16."""

    on: _Words = (1,)
    off: _Words = (0,)


class Button(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key. `offset` is its register in the keys' block and `bit` the bit therein, or, for functions 1 and 2, `offset` the bit in the block.

    `latch`: the tag remembers a press until the latch is cleared. `level`: down as long as it is pressed, to be asked often. `held`: says only whether a
    latched key is down now. `plus` and `minus` are keys for the quantity that the tag itself does not count.
    """

    press: Literal["confirm", "shortage", "plus", "minus"] = "confirm"
    kind: Literal["latch", "level", "held"] = "latch"
    offset: Annotated[int, msgspec.Meta(ge=0, le=1999)] = 0
    offset_step: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    bit: Annotated[int, msgspec.Meta(ge=0, le=15)] = 0
    debounce_s: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    inverted: bool = False


class Keys(Place, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked again and again. `dark_interval_s`: how often also while nothing is lit, where presses are not latched; 0: as the configuration says."""

    count: Annotated[int, msgspec.Meta(ge=1, le=125)]
    buttons: Annotated[tuple[Button, ...], msgspec.Meta(min_length=1)]
    dark_interval_s: Annotated[float, msgspec.Meta(ge=0, le=600)] = 0.0


class LatchClear(Place, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a latch is put back: by writing to it the bits that were seen, or always `value`."""

    value: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] | None = None


class LightMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A family of tags. `worst_reply_s`: the latest a reply was ever seen or documented after its request, over all units of a tag."""

    title: str
    source: str
    worst_reply_s: Annotated[float, msgspec.Meta(gt=0, le=60)]
    keys: Keys
    display: Display | None = None
    lamp: Lamp | None = None
    buzzer: Buzzer | None = None
    clear: LatchClear | None = None

    def __post_init__(self) -> None:
        if self.display is None and self.lamp is None:
            raise ValueError("nothing to light: give `display`, `lamp` or both")
        if self.keys.function > 4:
            raise ValueError("`keys` are read: by function 1, 2, 3 or 4")
        if any(part is not None and part.function < 5 for part in (self.display, self.lamp, self.buzzer, self.clear)):
            raise ValueError("display, lamp, buzzer and clear are written: by function 5, 6, 15 or 16")
        if self.clear is None and any(button.kind == "latch" for button in self.keys.buttons) and self.keys.function not in (3, 4):
            raise ValueError('a latch that cannot be cleared is no latch; give `clear`, or say kind = "level"')
        if self.display is not None:
            self._check_display(self.display)
        if self.lamp is not None and (strange := sorted(set(self.lamp.colours) - {*COLOURS, ANY_COLOUR})):
            raise ValueError(f"colour {strange[0]!r} is none of {', '.join((*COLOURS, ANY_COLOUR))}")

    @staticmethod
    def _check_display(display: Display) -> None:
        if len(display.blank) != display.size_words:
            raise ValueError(f"`blank` of the display has {len(display.blank)} registers, the display takes {display.size_words}")
        if display.function not in (6, 16) or (display.function == 6 and display.size_words > 1):
            raise ValueError("a display is written by function 16, or 6 where it is one register")


def load_map(name: str) -> LightMap:
    """A shipped map by its name, or a map file by its path.

    Raises: ConfigError: no such map, or the file is wrong; names the file, the key and the reason.
    """
    if name.replace("-", "_").lower() in _NOT_OFFERED:
        raise ConfigError(f"{name}: {_NOT_OFFERED[name.replace('-', '_').lower()]}", operation="configuration")
    path = Path(name) if name.endswith(".toml") else SHIPPED / f"{name}.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=LightMap)
    except OSError as error:
        shipped = ", ".join(sorted(each.stem for each in SHIPPED.glob("*.toml")))
        reason = f"no map of pick tags {name!r} ({error.strerror}); shipped are {shipped}, or give the path of a .toml file"
        raise ConfigError(reason, operation="configuration") from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"map of pick tags {path}: {error}", operation="configuration") from error
