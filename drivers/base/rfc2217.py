# SPDX-License-Identifier: Apache-2.0
"""The client's side of a serial server that speaks Telnet with the Com Port Control Option (RFC 2217), without any input or output.

Sources: RFC 854 and 855 (Telnet), RFC 856 (binary), RFC 858 (no go-ahead), RFC 2217 (com port control).
"""

from __future__ import annotations

from collections import Counter
from enum import Enum, IntEnum

from drivers.base.config import StreamConfig
from drivers.base.errors import RemoteProtocolError

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240  # RFC 854
_BINARY, _NO_GO_AHEAD, _COM_PORT = 0, 3, 44  # RFC 856, RFC 858, RFC 2217 section 3
_WANTED = (_BINARY, _NO_GO_AHEAD)  # for both directions; the com port option is ours alone
_ANSWER = 100  # RFC 2217 section 3: a server's code is the client's plus 100
_SUBNEGOTIATION_BYTES_MAX = 1024  # chosen: a signature is a line of text, everything else has at most four bytes
_PARITIES = {"N": 1, "O": 2, "E": 3}  # RFC 2217 section 3, SET-PARITY
_FLOW_CONTROLS = {"none": 1, "xonxoff": 2, "rtscts": 3}  # RFC 2217 section 3, SET-CONTROL
_BREAK_ON, _BREAK_OFF = 5, 6  # RFC 2217 section 3, SET-CONTROL
_PURGE_BOTH = 3  # RFC 2217 section 3, PURGE-DATA


class Code(IntEnum):
    """Commands of a client (RFC 2217 section 3)."""

    SIGNATURE = 0
    BAUD_RATE = 1
    DATA_SIZE = 2
    PARITY = 3
    STOP_SIZE = 4
    CONTROL = 5
    LINE_STATE = 6
    MODEM_STATE = 7
    SUSPEND = 8
    RESUME = 9
    LINE_STATE_MASK = 10
    MODEM_STATE_MASK = 11
    PURGE = 12


_CODES = {code.value: code for code in Code}
_NAMES = {Code.BAUD_RATE: "speed", Code.DATA_SIZE: "data bits", Code.PARITY: "parity", Code.STOP_SIZE: "stop bits"}


class _Part(Enum):
    DATA = "data"
    COMMAND = "command"
    OPTION = "option"
    SUB = "sub"
    SUB_COMMAND = "sub command"


class ComPortClient:
    """One connection to a serial server. What the device says comes out of `receive_bytes`, what it shall hear goes into `send`.

    `accepted`: whether the server agreed to the option; None: it has not said yet. `counted`: what it said beside data, by kind; modem and line states
    are counted and not used. Nothing here waits for an answer: ser2net leaves SET-CONTROL unanswered on lines without modem signals.
    """

    def __init__(self, config: StreamConfig) -> None:
        self._wanted = {
            Code.BAUD_RATE: config.baud_rate,
            Code.DATA_SIZE: config.data_bits,
            Code.PARITY: _PARITIES[config.parity],
            Code.STOP_SIZE: config.stop_bits,
        }
        self._flow_control = _FLOW_CONTROLS[config.flow_control]
        self.accepted: bool | None = None
        self.counted: Counter[str] = Counter()
        self._answers: dict[Code, int] = {}
        self._part = _Part.DATA
        self._verb = 0
        self._sub = bytearray()
        self._ours: dict[int, bool] = dict.fromkeys((*_WANTED, _COM_PORT), True)  # options that we do, or have offered
        self._theirs: dict[int, bool] = dict.fromkeys(_WANTED, True)  # options that they do, or that we have asked for
        self._suspended = False
        self._control = bytearray()
        self._unsent = bytearray()
        for option in (_COM_PORT, *_WANTED):
            self._say(_WILL, option)
        for option in _WANTED:
            self._say(_DO, option)

    @property
    def is_settled(self) -> bool:
        """Whether the server has answered speed and framing."""
        return set(self._answers) >= set(self._wanted)

    def differences(self) -> list[str]:
        """What the server has set otherwise than asked, for people."""
        return [f"{_NAMES[code]}: {self._answers[code]} instead of {value}" for code, value in self._wanted.items() if self._answers.get(code, value) != value]

    def send(self, data: bytes) -> None:
        """Queue bytes for the device."""
        self._unsent += data.replace(b"\xff", b"\xff\xff")

    def send_break(self, *, on: bool) -> None:
        """Begin or end a break."""
        self._set(Code.CONTROL, bytes([_BREAK_ON if on else _BREAK_OFF]))

    def bytes_to_send(self) -> bytes:
        """What is to be written now; each byte is returned once. Data waits while the server has suspended it."""
        data = bytes(self._control)
        self._control.clear()
        if not self._suspended:
            data += self._unsent
            self._unsent.clear()
        return data

    def receive_bytes(self, data: bytes) -> bytes:
        """Take what came from the server, cut anyhow; returns what of it the device said. Raises: RemoteProtocolError: no Telnet."""
        if self._part is _Part.DATA and _IAC not in data:
            return data
        said = bytearray()
        for byte in data:
            self._take(byte, said)
        return bytes(said)

    # -- saying ---------------------------------------------------------------------------------------------------------------------------

    def _say(self, verb: int, option: int) -> None:
        self._control += bytes([_IAC, verb, option])

    def _set(self, code: Code, value: bytes) -> None:
        self._control += bytes([_IAC, _SB, _COM_PORT, code]) + value.replace(b"\xff", b"\xff\xff") + bytes([_IAC, _SE])

    def _state_settings(self) -> None:
        for code, value in self._wanted.items():
            self._set(code, value.to_bytes(4 if code is Code.BAUD_RATE else 1, "big"))
        self._set(Code.CONTROL, bytes([self._flow_control]))
        self._set(Code.LINE_STATE_MASK, b"\x00")
        self._set(Code.MODEM_STATE_MASK, b"\x00")
        self._set(Code.PURGE, bytes([_PURGE_BOTH]))

    # -- hearing --------------------------------------------------------------------------------------------------------------------------

    def _take(self, byte: int, said: bytearray) -> None:
        match self._part:
            case _Part.DATA:
                if byte == _IAC:
                    self._part = _Part.COMMAND
                else:
                    said.append(byte)
            case _Part.COMMAND:
                self._begin(byte, said)
            case _Part.OPTION:
                self._part = _Part.DATA
                self._negotiate(self._verb, byte)
            case _Part.SUB:
                if byte == _IAC:
                    self._part = _Part.SUB_COMMAND
                else:
                    self._collect(byte)
            case _Part.SUB_COMMAND:
                self._end_or_collect(byte)

    def _begin(self, byte: int, said: bytearray) -> None:
        self._part = _Part.DATA
        if byte == _IAC:
            said.append(byte)
        elif byte in (_WILL, _WONT, _DO, _DONT):
            self._verb, self._part = byte, _Part.OPTION
        elif byte == _SB:
            self._sub.clear()
            self._part = _Part.SUB
        else:
            self.counted["command"] += 1  # NOP, data mark, are you there ...: nothing to do

    def _collect(self, byte: int) -> None:
        self._sub.append(byte)
        if len(self._sub) > _SUBNEGOTIATION_BYTES_MAX:
            raise RemoteProtocolError("a Telnet subnegotiation without end; is it a serial server with RFC 2217?", bytes(self._sub))

    def _end_or_collect(self, byte: int) -> None:
        self._part = _Part.SUB
        if byte == _IAC:
            self._collect(byte)
            return
        self._part = _Part.DATA
        if byte == _SE:
            self._on_subnegotiation(bytes(self._sub))
        else:
            self.counted["broken_subnegotiation"] += 1

    def _negotiate(self, verb: int, option: int) -> None:
        """Agree to what we want, refuse the rest, and answer only what changes something (RFC 854: no acknowledgement of a state that one is in)."""
        if option == _COM_PORT:
            self._negotiate_com_port(verb)
            return
        table, yes, no = (self._theirs, _DO, _DONT) if verb in (_WILL, _WONT) else (self._ours, _WILL, _WONT)
        asked = verb in (_WILL, _DO)
        agreed = asked and option in _WANTED
        before = table.get(option, False)
        table[option] = agreed
        if asked != agreed or before != agreed:
            self._say(yes if agreed else no, option)

    def _negotiate_com_port(self, verb: int) -> None:
        """A server agrees by DO; some offer it by WILL instead, or as well."""
        if verb == _WONT:
            return
        if verb == _WILL and not self._theirs.get(_COM_PORT):
            self._theirs[_COM_PORT] = True
            self._say(_DO, _COM_PORT)
        if verb != _DONT and self.accepted is None:
            self._state_settings()
        self.accepted = verb != _DONT

    def _on_subnegotiation(self, content: bytes) -> None:
        if len(content) < 2 or content[0] != _COM_PORT:
            self.counted["other_subnegotiation"] += 1
            return
        number, value = content[1] - _ANSWER if content[1] >= _ANSWER else content[1], content[2:]
        if number not in _CODES:
            self.counted["unknown_com_port_code"] += 1
            return
        code = _CODES[number]
        self.counted[code.name.lower()] += 1
        if code in (Code.SUSPEND, Code.RESUME):
            self._suspended = code is Code.SUSPEND
        elif code in self._wanted and value:
            self._answers[code] = int.from_bytes(value, "big")
