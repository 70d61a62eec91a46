# SPDX-License-Identifier: Apache-2.0
import fcntl
import itertools
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import evdev.ecodes
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.gs1.values import CSET_82
from drivers.base.errors import TransportError
from drivers.base.session import FrameRejected, SessionEvent, SessionReady
from drivers.scanner_evdev import driver as driver_module
from drivers.scanner_evdev import frames, layouts
from drivers.scanner_evdev.config import ScannerEvdevConfig
from drivers.scanner_evdev.session import EvdevScannerSession
from firmware_sims.scanner_evdev.twin import KeyboardScannerTwin

PRINTABLE = "".join(map(chr, range(33, 127)))


def _session(**fields: Any) -> EvdevScannerSession:
    session = EvdevScannerSession(ScannerEvdevConfig(path="/dev/null", **{"record_format": "64-bit", **fields}))
    assert list(session.advance_to(0.0)) == [SessionReady()]
    return session


def _texts(events: Sequence[SessionEvent]) -> list[str]:
    return [f"!{event.reason}" if isinstance(event, FrameRejected) else str(getattr(event, "text", "")) for event in events]


def _typed(text: str, *, session: dict[str, Any] | None = None, **twin: Any) -> list[str]:
    """What the driver makes of what the twin types."""
    scanner = KeyboardScannerTwin(record_bytes=24, **twin)
    scanner.connected(0.0)
    said = scanner.on_scan(text=text, now_s=1.0) + scanner.advance_to(60.0)
    ours = _session(aim_identifier="off", without_symbology="opaque", **(session or {}))
    return _texts([*ours.receive_bytes(said, 1.5), *ours.advance_to(9.0)])


@pytest.mark.requirement("E6")
@pytest.mark.parametrize("caps_lock", [False, True])
@pytest.mark.parametrize("layout", ["us", "de", "fr"])
def test_every_printable_character_is_typed_and_read(layout: str, caps_lock: bool) -> None:
    assert _typed(PRINTABLE, layout=layout, caps_lock=caps_lock, session={"layout": layout, "caps_lock": caps_lock}) == [PRINTABLE]


@pytest.mark.parametrize("layout", layouts.names())
def test_layout_has_a_key_for_every_character_that_gs1_codes_hold(layout: str) -> None:
    rows = layouts.layout(layout)
    given = {*rows.plain.values(), *rows.shift.values(), *rows.altgr.values()}

    assert set(CSET_82) - given == set()
    assert len(rows.plain) == 48


@pytest.mark.parametrize("gs", ["ctrl", "f8", "alt"])
@pytest.mark.parametrize("layout", ["us", "de", "fr"])
def test_separator_is_read_whichever_way_it_is_typed(gs: str, layout: str) -> None:
    assert _typed("010950600013435210AB\x1d21C", gs=gs, layout=layout, session={"layout": layout}) == ["010950600013435210AB\x1d21C"]


def test_other_function_key_may_stand_for_the_separator() -> None:
    assert _typed("10A\x1d21B", gs="f8", session={"gs_key": "F9"}) == ["!unknown_key", "10A21B"]


def test_characters_typed_by_number_are_those_of_windows() -> None:
    assert _typed("Aé~\x1d|", alt_mode=True, gs="alt") == ["Aé~\x1d|"]


@pytest.mark.parametrize(("digits", "character"), [("029", "\x1d"), ("65", "A"), ("0233", "é"), ("130", "é"), ("0321", "A")])
def test_alt_and_digits_give_a_character_by_its_number(digits: str, character: str) -> None:
    codes = {value: code for code, value in layouts.KEYPAD.items()}
    keys = [(56, 1), *((codes[digit], value) for digit in digits for value in (1, 0)), (56, 0), (28, 1), (28, 0)]

    assert _texts(_session().receive_bytes(_keys(keys), 1.0)) == [character]


def _keys(keys: Sequence[tuple[int, int]], size_bytes: int = 24) -> bytes:
    return b"".join(frames.InputEvent(1, 0, kind, code, value).encode(size_bytes) for key, value in keys for kind, code, value in ((1, key, value), (0, 0, 0)))


def test_accents_are_put_on_letters_and_stand_alone_before_a_space() -> None:
    circumflex, e, space = (41, 1), (18, 1), (57, 1)

    assert _texts(_session(layout="de").receive_bytes(_keys([circumflex, e, circumflex, space, circumflex, (2, 1), (28, 1)]), 1.0)) == ["ê^^1"]


def test_key_that_is_held_down_is_typed_once() -> None:
    scanner, session = KeyboardScannerTwin(record_bytes=24), _session()
    scanner.connected(0.0)
    said = scanner.on_hold(text="A", now_s=1.0) + scanner.advance_to(1.3) + scanner.on_scan(text="B", now_s=1.4) + scanner.advance_to(2.0)

    assert _texts(session.receive_bytes(said, 2.0)) == ["AB"]


def test_caps_lock_follows_its_key_and_its_lamp() -> None:
    lamp = frames.InputEvent(1, 0, frames.EV_LED, frames.LED_CAPSL, 1).encode()
    letter = [(30, 1), (30, 0), (28, 1)]

    assert _texts(_session(duplicate_window_s=0).receive_bytes(_keys([(58, 1), (58, 0), *letter, (58, 1), *letter]) + lamp + _keys(letter), 1.0)) == [
        "A",
        "a",
        "A",
    ]


def test_keypad_types_digits_and_ends_codes_too() -> None:
    assert _texts(_session().receive_bytes(_keys([(79, 1), (80, 1), (83, 1), (98, 1), (96, 1)]), 1.0)) == ["12./"]


@pytest.mark.parametrize(("ends_with", "suffix"), [("enter", "line"), ("tab", "tab"), ("none", "none")])
@pytest.mark.parametrize(("record_bytes", "record_format"), [(24, "64-bit"), (16, "32-bit")])
def test_code_ends_as_the_scanner_is_set(ends_with: str, suffix: str, record_bytes: int, record_format: str) -> None:
    scanner = KeyboardScannerTwin(record_bytes=record_bytes, ends_with=ends_with)
    scanner.connected(0.0)
    session, events = _session(suffix=suffix, record_format=record_format), list[SessionEvent]()
    events += session.receive_bytes(scanner.on_scan(text="AB1", now_s=1.0), 1.0)
    while (due_s := scanner.next_deadline_s()) is not None:
        events += session.receive_bytes(scanner.advance_to(due_s), due_s)
    events += session.advance_to(2.0)

    assert _texts(events) == ["AB1"]


def test_code_begun_before_an_overrun_is_dropped_and_the_next_is_whole() -> None:
    dropped = frames.InputEvent(1, 0, frames.EV_SYN, frames.SYN_DROPPED, 0).encode()
    said = _keys([(42, 1), (30, 1)]) + dropped + frames.InputEvent(1, 0, 1, 48, 1).encode() + _keys([(48, 0), (46, 1), (28, 1)])

    assert _texts(_session().receive_bytes(said, 1.0)) == ["!overrun", "c"]


@given(noise=st.binary(min_size=1, max_size=60).filter(lambda noise: 0 not in noise), cuts=st.lists(st.integers(0, 400), max_size=5))
def test_reader_out_of_step_is_in_step_again_within_two_records(noise: bytes, cuts: list[int]) -> None:
    scanner, session = KeyboardScannerTwin(record_bytes=24), _session()
    scanner.connected(0.0)
    first = scanner.on_scan(text="A", now_s=1.0) + scanner.advance_to(2.0)
    data = noise + first + scanner.on_scan(text="123", now_s=3.0) + scanner.advance_to(4.0)
    events: list[SessionEvent] = []
    for start, stop in itertools.pairwise(sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})):
        events += session.receive_bytes(data[start:stop], 5.0)

    assert _texts(events)[-1].endswith("123")
    assert _texts(events).count("!malformed") <= 2


def test_key_codes_are_those_of_the_kernel() -> None:
    """python-evdev makes its table from the kernel's header."""
    named = {"1": 2, "0": 11, "MINUS": 12, "EQUAL": 13, "Q": 16, "RIGHTBRACE": 27, "A": 30, "APOSTROPHE": 40, "GRAVE": 41, "BACKSLASH": 43, "102ND": 86}
    named |= {"Z": 44, "SLASH": 53, "SPACE": layouts.SPACE, "CAPSLOCK": layouts.CAPS_LOCK, "ENTER": 28, "KPENTER": 96, "TAB": 15}
    named |= {"LEFTCTRL": layouts.LEFT_CTRL, "RIGHTALT": layouts.RIGHT_ALT, "KPASTERISK": 55, "KPDOT": 83, "KPSLASH": 98, "KPCOMMA": 121, "KPEQUAL": 117}
    named |= {f"KP{digit}": code for code, digit in layouts.KEYPAD.items()} | layouts.FUNCTION_KEYS

    assert named == {name: getattr(evdev.ecodes, f"KEY_{name}") for name in named}
    assert tuple(getattr(evdev.ecodes, f"EV_{name}") for name in ("SYN", "KEY", "MSC", "LED")) == (frames.EV_SYN, frames.EV_KEY, frames.EV_MSC, frames.EV_LED)
    assert (frames.SYN_DROPPED, frames.LED_CAPSL, frames.KEY_MAX) == (evdev.ecodes.SYN_DROPPED, evdev.ecodes.LED_CAPSL, evdev.ecodes.KEY_MAX)


class Nodes:
    """Event nodes as the kernel shows them to ioctl, by file: name and keys. There is no /dev/input where tests run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, nodes: dict[str, tuple[str, Sequence[int]]]) -> None:
        self._nodes, self.grabbed = nodes, list[str]()
        for name in nodes:
            (folder / name).touch()
        monkeypatch.setattr(fcntl, "ioctl", self._ioctl)
        monkeypatch.setattr(Path, "is_char_device", lambda path: path.name in nodes)
        monkeypatch.setattr(stat, "S_ISCHR", lambda mode: True)

    def _ioctl(self, fd: int, request: int, argument: Any) -> Any:
        file = os.path.basename(os.readlink(f"/proc/self/fd/{fd}"))  # noqa: PTH119, PTH115
        name, keys = self._nodes[file]
        if request == driver_module.EVIOCGRAB:
            if file in self.grabbed:
                raise OSError(16, "Device or resource busy")
            self.grabbed.append(file)
            return 0
        if request == driver_module.EVIOCGNAME:
            return name.encode().ljust(len(argument), b"\0")
        bits = bytearray(argument)
        for key in keys:
            bits[key // 8] |= 1 << key % 8
        return bytes(bits)


TYPES = (*range(2, 12), 28)


def _chosen(path: Path, **fields: Any) -> str:
    return driver_module._chosen(ScannerEvdevConfig(path=str(path), **fields))  # the only way in without a kernel's device


def test_scanner_is_found_by_name_among_its_nodes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Nodes(monkeypatch, tmp_path, {"event0": ("Power Button", (116,)), "event1": ("DS2208", (113,)), "event2": ("DS2208", TYPES)})

    assert _chosen(tmp_path, name="DS2208") == str(tmp_path / "event2")
    with pytest.raises(TransportError, match="no keyboard named 'LS2208'"):
        _chosen(tmp_path, name="LS2208")
    with pytest.raises(TransportError, match="or its `name`"):
        _chosen(tmp_path)


def test_wrong_node_says_what_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Nodes(monkeypatch, tmp_path, {"event1": ("DS2208", (113,)), "event2": ("DS2208", TYPES)})

    with pytest.raises(TransportError, match=r"types no digits.*-event-kbd"):
        _chosen(tmp_path / "event1")
    with pytest.raises(TransportError, match="is 'DS2208', not 'LS2208'"):
        _chosen(tmp_path / "event2", name="LS2208")


async def test_keys_are_taken_from_everybody_else_and_a_second_taker_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nodes = Nodes(monkeypatch, tmp_path, {"event2": ("DS2208", TYPES)})

    fd = os.open(tmp_path / "event2", os.O_RDONLY)
    driver_module._grab(fd)
    os.close(fd)
    with pytest.raises(TransportError, match="another program uses it"):
        await driver_module._open(ScannerEvdevConfig(path=str(tmp_path / "event2")))

    assert nodes.grabbed == ["event2"]


async def test_named_pipe_is_read_without_a_grab(tmp_path: Path) -> None:
    pipe = tmp_path / "keys"
    os.mkfifo(pipe)

    transport = await driver_module._open(ScannerEvdevConfig(path=str(pipe)))

    await transport.close()
