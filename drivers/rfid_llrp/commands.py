# SPDX-License-Identifier: Apache-2.0
"""Commands to a reader that reads: switching outputs, and operations on tags, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from drivers.base.errors import DeviceFault, DriverError, LocalProtocolError, RemoteProtocolError, ReplyTimeout
from drivers.base.session import Argument, CommandDone, CommandFailed, SessionEvent
from drivers.base.spec import ArgumentSpec, CommandSpec
from drivers.rfid_llrp import requests
from drivers.rfid_llrp.access import ACCESS_SPEC_ID, ADVICE, BANKS, LOCKED, LOCKS, Operation, Outcome, operation, outcome_in
from drivers.rfid_llrp.frames import Message, MessageType, decode_status

_EPC = ArgumentSpec("epc", str, "EPC of the tag", "hex")
_BANK = ArgumentSpec("bank", str, f"memory of the tag: {', '.join(BANKS)}", "choice")
_FIRST = ArgumentSpec("first_word", int, "word of that memory to begin with, from 0; in the bank epc the EPC itself begins with 2", "count")
_PASSWORD = ArgumentSpec("password", str, "the tag's access password", "hex", default="00000000", required=False)
_WITHIN = ArgumentSpec("within_s", float, "how long the tag may take to come before an antenna", "s", default=5.0, required=False)

COMMANDS = (
    CommandSpec(
        "switch_output",
        "Switch an output of the reader (stack light, horn)",
        (ArgumentSpec("output", int, "output number as printed on the reader", "count"), ArgumentSpec("on", bool, "whether it is to be on", "flag")),
    ),
    CommandSpec(
        "read_tag",
        "Read words of a tag's memory",
        (_EPC, _BANK, _FIRST, ArgumentSpec("words", int, "how many words to read; 0: all from there", "count"), _PASSWORD, _WITHIN),
    ),
    CommandSpec(
        "write_tag", "Write words to a tag's memory", (_EPC, _BANK, _FIRST, ArgumentSpec("data", str, "words of 4 hex digits", "hex"), _PASSWORD, _WITHIN)
    ),
    CommandSpec(
        "lock_tag",
        "Lock or unlock a part of a tag's memory",
        (
            _EPC,
            ArgumentSpec("what", str, f"what to lock: {', '.join(LOCKED)}", "choice"),
            ArgumentSpec("how", str, f"how: {', '.join(LOCKS)}; what is permanent is never undone", "choice"),
            _PASSWORD,
            _WITHIN,
        ),
    ),
    CommandSpec(
        "kill_tag",
        "Silence a tag for ever",
        (_EPC, ArgumentSpec("password", str, "the kill password that was written to the tag before", "hex"), _WITHIN),
    ),
)

_OUTPUT_ANSWERS = (MessageType.SET_READER_CONFIG_RESPONSE, MessageType.ERROR_MESSAGE)


@dataclass(frozen=True)
class _Switching:
    """An output that waits for its answer."""

    result: Mapping[str, Argument | None]
    sent_at_s: float


@dataclass
class _Accessing:
    """An operation on a tag that goes on: first its AccessSpec is added, then enabled, then a tag has to come."""

    name: str
    operation: Operation
    token: int
    asked_id: int
    ends_at_s: float
    within_s: float


class Commands:
    """Those that wait for their end. `send` puts a message on the line and returns its number."""

    def __init__(self, reply_timeout_s: float, send: Callable[[int, bytes], int]) -> None:
        self._reply_timeout_s = reply_timeout_s
        self._send = send
        self._switching: dict[int, _Switching] = {}
        self._access: _Accessing | None = None
        self._cleaning_id = 0

    def switch_output(self, arguments: Mapping[str, Argument], outputs: int, now_s: float) -> int:
        """Returns the command's token. Raises: LocalProtocolError: the reader has no such output."""
        output, on = int(arguments["output"]), bool(arguments["on"])
        if not 1 <= output <= outputs:
            raise LocalProtocolError(f"the reader has outputs 1 to {outputs}, not {output}", operation="switch_output")
        token = self._send(MessageType.SET_READER_CONFIG, requests.output_body(output, on))
        self._switching[token] = _Switching({"output": output, "on": on}, now_s)
        return token

    def access_tag(self, name: str, arguments: Mapping[str, Argument], now_s: float) -> int:
        """Returns the command's token. Raises: LocalProtocolError: an argument does not fit, or another operation goes on."""
        if self._access is not None:
            raise LocalProtocolError(f"{self._access.name} goes on; try again when it has ended", operation=name)
        wanted, within_s = operation(name, arguments), float(arguments["within_s"])
        token = self._send(MessageType.ADD_ACCESSSPEC, wanted.add_body())
        self._access = _Accessing(name, wanted, token, token, now_s + self._reply_timeout_s, within_s)
        return token

    def is_answer(self, message: Message) -> bool:
        """Whether a message answers what was sent here."""
        number = message.message_id
        if number in self._switching:
            return message.type in _OUTPUT_ANSWERS
        if number and number == self._cleaning_id:
            return message.type in (MessageType.DELETE_ACCESSSPEC_RESPONSE, MessageType.ERROR_MESSAGE)
        answers = (MessageType.ADD_ACCESSSPEC_RESPONSE, MessageType.ENABLE_ACCESSSPEC_RESPONSE, MessageType.ERROR_MESSAGE)
        return self._access is not None and number == self._access.asked_id and message.type in answers

    def on_answer(self, message: Message, now_s: float) -> Sequence[SessionEvent]:
        """An answer that is damaged fails its command, not the link."""
        if message.message_id == self._cleaning_id:
            return ()  # the reader deletes an AccessSpec by itself after its last operation, and may say that there is none
        refused, ok = _refusal(message)
        if (switching := self._switching.pop(message.message_id, None)) is not None:
            refused.operation = "switch_output"
            return [CommandDone(message.message_id, switching.result) if ok else CommandFailed(message.message_id, refused)]
        if not ok:
            return [self._failed(refused)]
        self._on_access_answer(message, now_s)
        return ()

    def _on_access_answer(self, message: Message, now_s: float) -> None:
        access = self._access
        if access is None:
            return
        if message.type == MessageType.ADD_ACCESSSPEC_RESPONSE:
            access.asked_id = self._send(MessageType.ENABLE_ACCESSSPEC, requests.rospec_id_body(ACCESS_SPEC_ID))
            access.ends_at_s = now_s + self._reply_timeout_s
        else:
            access.asked_id, access.ends_at_s = 0, now_s + access.within_s

    def on_report(self, report: bytes) -> Sequence[SessionEvent]:
        """Look for the result of the operation that goes on."""
        if self._access is None or (outcome := outcome_in(report, self._access.operation.reported_as)) is None:
            return ()
        if outcome.name == "success":
            token, result = self._access.token, dict(self._access.operation.about) | _told(outcome)
            self._clean_up()
            return [CommandDone(token, result)]
        advice = ADVICE.get(outcome.name, "the reader gives a result that no version of LLRP known here has")
        return [self._failed(DeviceFault(f"{outcome.code} {outcome.name}", advice))]

    def _failed(self, error: DriverError) -> CommandFailed:
        assert self._access is not None
        error.operation = self._access.name
        failed = CommandFailed(self._access.token, error)
        self._clean_up()
        return failed

    def _clean_up(self) -> None:
        """Nothing may wait in the reader for a tag that comes some day."""
        self._access = None
        self._cleaning_id = self._send(MessageType.DELETE_ACCESSSPEC, requests.rospec_id_body(ACCESS_SPEC_ID))

    def advance_to(self, now_s: float) -> list[SessionEvent]:
        """What was never answered, and tags that did not come."""
        late = [token for token, switching in self._switching.items() if now_s >= switching.sent_at_s + self._reply_timeout_s]
        events: list[SessionEvent] = [self._late(token, now_s) for token in late]
        if self._access is not None and now_s >= self._access.ends_at_s:
            if self._access.asked_id:
                events.append(self._failed(ReplyTimeout(f"answer to {self._access.name}", self._reply_timeout_s)))
            else:
                within_s = self._access.within_s
                events.append(self._failed(DeviceFault("no_tag", f"no tag with this EPC answered within {within_s:g} s; hold it before an antenna")))
        return events

    def _late(self, token: int, now_s: float) -> CommandFailed:
        switching = self._switching.pop(token)
        waited_s = round(now_s - switching.sent_at_s, 3)
        return CommandFailed(token, ReplyTimeout("answer to SET_READER_CONFIG", waited_s, operation="switch_output"))

    def deadlines_s(self) -> list[float]:
        """When `advance_to` has something to do."""
        ends_s = [self._access.ends_at_s] if self._access is not None else []
        return [switching.sent_at_s + self._reply_timeout_s for switching in self._switching.values()] + ends_s


def _refusal(message: Message) -> tuple[DriverError, bool]:
    """What a refusal says, and whether the answer is none."""
    try:
        status = decode_status(message)
    except RemoteProtocolError as error:
        return error, False
    return DeviceFault(str(status.code), f"the reader refuses: {status}"), status.ok and message.type != MessageType.ERROR_MESSAGE


def _told(outcome: Outcome) -> dict[str, Argument]:
    told: dict[str, Argument] = {"result": outcome.name}
    if outcome.words_written is not None:
        told["words_written"] = outcome.words_written
    return told | ({"data": outcome.data.hex().upper()} if outcome.data else {})
