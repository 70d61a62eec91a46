# SPDX-License-Identifier: Apache-2.0
"""What differs between the makers: how a command is written, which there are, and what on the line is an answer instead of a code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from drivers.base.codes.reading import bytes_of
from drivers.base.errors import LocalProtocolError, RemoteProtocolError
from drivers.scanner_tcp.config import ScannerTcpConfig
from drivers.scanner_tcp.frames import COGNEX_MODEL, DATA, DMCC_ERRORS, KEYENCE_ERRORS, DmccReply, KeyenceReply, dmcc_command, keyence_command


@dataclass(frozen=True)
class Answer:
    """To a command: `about` is its number or its word, empty where the scanner does not say. `code` is empty when it was carried out."""

    about: str
    code: str
    meaning: str
    value: str


@dataclass(frozen=True)
class Asking:
    """A command on its way. `about` as its answer will name it; `is_silent`: it may go unanswered though it was carried out."""

    sends: bytes
    about: str
    is_silent: bool = False


class Make(Protocol):
    """One maker's scanners."""

    no_read: str
    """What they say as delivered when no code was seen; several with | between."""

    def identification(self, number: int) -> tuple[Asking, ...]:
        """The questions that tell who the scanner is and that it lives; none: it cannot be asked."""
        ...

    def fall_back(self) -> bool:
        """Nobody answered: whether there is an older way of asking, which is taken from now on."""
        ...

    def asking(self, command: str, number: int) -> Asking:
        """Raises: LocalProtocolError: this maker has no such command; the text says what there is to do."""
        ...

    def read(self, frame: bytes) -> Answer | bytes | None:
        """An answer, or the bytes of a code; None: damaged."""
        ...


_KEYENCE_WORDS = {"trigger": "LON", "stop": "LOFF", "aim_on": "AMON", "aim_off": "AMOFF", "restart": "RESET"}
_KEYENCE_KNOWN = frozenset((*_KEYENCE_WORDS.values(), "KEYENCE"))
_COGNEX_WORDS = {"trigger": "TRIGGER ON", "stop": "TRIGGER OFF", "beep": "BEEP", "restart": "REBOOT"}


class Keyence:
    """SR-750, SR-1000, SR-2000, SR-5000, SR-X: commands and codes on one port, both ended by CR (or between STX and ETX)."""

    no_read = "ERROR"

    def identification(self, number: int) -> tuple[Asking, ...]:
        """KEYENCE is answered with the model and the firmware."""
        return (Asking(keyence_command("KEYENCE"), "KEYENCE"),)

    def fall_back(self) -> bool:
        """There is none."""
        return False

    def asking(self, command: str, number: int) -> Asking:
        """LON and LOFF are answered only when "response string of basic commands" is on."""
        word = _KEYENCE_WORDS.get(command)
        if word is None:
            raise LocalProtocolError(f"a Keyence SR has no command to {command}; it takes: {', '.join(_KEYENCE_WORDS)}")
        return Asking(keyence_command(word), word, is_silent=word in ("LON", "LOFF"))

    def read(self, frame: bytes) -> Answer | bytes | None:
        """A code that looks like an answer to a command we never send stays a code."""
        try:
            reply = KeyenceReply.decode(frame)
        except RemoteProtocolError:
            return frame
        if reply.command not in _KEYENCE_KNOWN:
            return frame
        code = "" if reply.ok else reply.detail
        return Answer(reply.command, code or ("" if reply.ok else "99"), KEYENCE_ERRORS.get(code, "an error that the manual does not list"), reply.detail)


class Cognex:
    """DataMan with DMCC over Telnet: commands have numbers, answers name them."""

    no_read = "NO-READ|NOREAD|NO READ"

    def __init__(self, *, checksums: bool) -> None:
        self._checksums = checksums
        self._is_old = False

    def identification(self, number: int) -> tuple[Asking, ...]:
        """Model, then serial number. Firmware that knows no response mode in the header is set to answer at all."""
        questions = (*(("SET COM.DMCC-RESPONSE 1",) if self._is_old else ()), "GET DEVICE.TYPE", "GET DEVICE.SERIAL-NUMBER")
        return tuple(self._asking(text, number + i) for i, text in enumerate(questions))

    def fall_back(self) -> bool:
        """See `Make.fall_back`."""
        is_new, self._is_old = not self._is_old, True
        return is_new

    def _asking(self, text: str, number: int) -> Asking:
        return Asking(dmcc_command(text, number, checksum=self._checksums, tells_mode=not self._is_old), str(number))

    def asking(self, command: str, number: int) -> Asking:
        """See `Make.asking`."""
        word = _COGNEX_WORDS.get(command)
        if word is None:
            raise LocalProtocolError(f"a Cognex DataMan has no command to {command}; it takes: {', '.join(_COGNEX_WORDS)}")
        return self._asking(word, number)

    def read(self, frame: bytes) -> Answer | bytes | None:
        """See `Make.read`."""
        if re.fullmatch(COGNEX_MODEL, frame):
            return None  # a model without a header: it answers in silent mode, and this is no code
        if not frame.startswith(b"||"):
            return frame
        try:
            reply = DmccReply.decode(frame)
        except RemoteProtocolError:
            return None
        if reply.status == DATA:
            return reply.code
        code = "" if reply.status == "0" else reply.status
        about = "" if reply.number is None else str(reply.number)
        return Answer(about, code, DMCC_ERRORS.get(code, "an error that the manual does not list"), reply.data.decode("latin-1").strip())


class Datalogic:
    """Matrix, DS and AV: a data socket that says codes, and takes what DL.CODE says begins and ends a reading."""

    no_read = "<NoRead>|NoRead|NOREAD|NO READ|0x18"

    def __init__(self, config: ScannerTcpConfig) -> None:
        texts = {"trigger": config.trigger_text, "stop": config.stop_text}
        self._sends = {name: bytes_of(text, config.encoding) for name, text in texts.items()}

    def identification(self, number: int) -> tuple[Asking, ...]:
        """None: the data socket answers nothing."""
        return ()

    def fall_back(self) -> bool:
        """There is none."""
        return False

    def asking(self, command: str, number: int) -> Asking:
        """See `Make.asking`."""
        if not (sends := self._sends.get(command)):
            wanted = f"set `{command}_text` to what DL.CODE has for it" if command in self._sends else "it takes: trigger, stop"
            raise LocalProtocolError(f"this Datalogic scanner knows no way to {command}; {wanted}")
        return Asking(sends, "", is_silent=True)

    def read(self, frame: bytes) -> Answer | bytes | None:
        """Everything is a code."""
        return frame


def make_of(config: ScannerTcpConfig) -> Make:
    """Whose scanner it is."""
    if config.make == "keyence_sr":
        return Keyence()
    return Cognex(checksums=config.checksums) if config.make == "cognex_dmcc" else Datalogic(config)
