# SPDX-License-Identifier: Apache-2.0
"""All ROSpecs of the simulated reader: what clients do with them, and what starts and ends their runs.

Source: LLRP 1.0.1, chapter 10.1 (messages), 6.3 (states) and 10.2.1 (triggers).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from firmware_sims.rfid_llrp import capabilities, extensions
from firmware_sims.rfid_llrp.aispecs import UnsupportedError
from firmware_sims.rfid_llrp.codec import Node, encode, parse
from firmware_sims.rfid_llrp.rospecs import ACTIVE, DISABLED, END_OF_AISPEC, INACTIVE, RoSpec
from firmware_sims.rfid_llrp.settings import FIELD_ERROR, OVERFLOW, PARAMETER_ERROR, PARAMETER_FIELD_ERROR, UNSUPPORTED_PARAMETER, ReaderSettings, RefusedError

ROSPEC_EVENTS, AISPEC_EVENTS = 2, 6  # event types that a client may switch on, 16.2.6.5.1


class Inventory:
    """`tell` hears of the beginning and end of runs, `report` is to send what a ROSpec has collected, `utc_us` is the reader's clock, if it has one.

    `default_report`: the ROReportSpec of the reader's configuration, for ROSpecs without one of their own.
    """

    def __init__(
        self,
        settings: ReaderSettings,
        maker: int,
        tell: Callable[[int, float, bytes], None],
        report: Callable[[RoSpec, float], None],
        utc_us: Callable[[float], int] | None,
    ) -> None:
        self._utc_us = utc_us
        self.specs: dict[int, RoSpec] = {}
        self.has_extensions = False
        self.default_report: Node | None = None
        self._settings = settings
        self._maker = maker
        self._tell = tell
        self._report = report

    def advance_to(self, now_s: float) -> None:
        """End the runs whose time is over, begin those whose time has come."""
        for spec in self.specs.values():
            if spec.stops_at_s is not None and now_s >= spec.stops_at_s:
                self.end_item(spec, now_s)
            if spec.state == INACTIVE and spec.starts_at_s is not None and now_s >= spec.starts_at_s:
                self._begin(spec, now_s)

    def deadlines_s(self) -> list[float]:
        """When `advance_to` has something to do."""
        ends_s = [spec.stops_at_s for spec in self.specs.values() if spec.stops_at_s is not None]
        return ends_s + [spec.starts_at_s for spec in self.specs.values() if spec.starts_at_s is not None and spec.state == INACTIVE]

    def add(self, body: bytes, now_s: float) -> bytes:
        """ADD_ROSPEC. Raises: RefusedError, MalformedError."""
        nodes = parse(body)
        if len(nodes) != 1 or nodes[0].name != "ROSpec":
            raise RefusedError(PARAMETER_ERROR, "ADD_ROSPEC carries one ROSpec")
        try:
            spec = RoSpec.of(nodes[0], body)
        except UnsupportedError as error:
            raise RefusedError(PARAMETER_FIELD_ERROR, str(error)) from error
        self._check(spec)
        if not spec.has_own_report and self.default_report is not None:
            spec.report_as(self.default_report)
        spec.wanted = extensions.wanted_of(nodes[0], self._maker, self.has_extensions)
        self.specs[spec.rospec_id] = spec
        return b""

    def _check(self, spec: RoSpec) -> None:
        if spec.rospec_id in self.specs:
            raise RefusedError(FIELD_ERROR, f"there is a ROSpec {spec.rospec_id} already")
        if len(self.specs) >= capabilities.ROSPECS or len(spec.ai_specs) > capabilities.AISPECS or max(ai.inventories for ai in spec.ai_specs) > 1:
            raise RefusedError(OVERFLOW, f"this reader takes {capabilities.ROSPECS} ROSpecs of {capabilities.AISPECS} AISpecs of one inventory each")
        if max(max(ai.antennas, default=0) for ai in spec.ai_specs) > self._settings.antennas:
            raise RefusedError(FIELD_ERROR, f"this reader has {self._settings.antennas} antennas")
        if missing := spec.inputs - set(self._settings.inputs):
            raise RefusedError(FIELD_ERROR, f"there is no GPI {min(missing)}")
        if spec.starts_from_utc_us is not None and self._utc_us is None:
            raise RefusedError(UNSUPPORTED_PARAMETER, "this reader has no UTC clock")
        if wrong := [index for index in spec.power_indices if not 1 <= index <= len(capabilities.POWER_DBM)]:
            raise RefusedError(FIELD_ERROR, f"the power table has no index {wrong[0]}")
        if unknown := spec.modes - capabilities.MODES:
            raise RefusedError(FIELD_ERROR, f"there is no RF mode {min(unknown)}")

    def _named(self, body: bytes, may_be_all: bool = True) -> list[RoSpec]:
        (rospec_id,) = struct.unpack_from("!I", body)
        if not rospec_id and may_be_all:
            return list(self.specs.values())
        if rospec_id not in self.specs:
            raise RefusedError(FIELD_ERROR, f"there is no ROSpec {rospec_id}")
        return [self.specs[rospec_id]]

    def delete(self, body: bytes, now_s: float) -> bytes:
        """DELETE_ROSPEC. Raises: RefusedError."""
        for spec in self._named(body):
            self.end(spec, now_s)
            del self.specs[spec.rospec_id]
        return b""

    def enable(self, body: bytes, now_s: float) -> bytes:
        """ENABLE_ROSPEC. Raises: RefusedError."""
        for spec in self._named(body):
            if spec.state == DISABLED:
                spec.stop()
                spec.wind(now_s, self._utc_us(now_s) if self._utc_us else 0)
                if spec.immediate or (spec.starts_at_s is not None and now_s >= spec.starts_at_s):
                    self._begin(spec, now_s)
        return b""

    def disable(self, body: bytes, now_s: float) -> bytes:
        """DISABLE_ROSPEC. Raises: RefusedError."""
        for spec in self._named(body):
            self.end(spec, now_s)
            spec.state = DISABLED
        return b""

    def start(self, body: bytes, now_s: float) -> bytes:
        """START_ROSPEC. Raises: RefusedError."""
        (spec,) = self._named(body, may_be_all=False)
        if spec.state != INACTIVE:
            raise RefusedError(FIELD_ERROR, f"ROSpec {spec.rospec_id} is {'running already' if spec.state == ACTIVE else 'disabled'}")
        self._begin(spec, now_s)
        return b""

    def stop(self, body: bytes, now_s: float) -> bytes:
        """STOP_ROSPEC; it stays stopped. Raises: RefusedError."""
        (spec,) = self._named(body, may_be_all=False)
        if spec.state != ACTIVE:
            raise RefusedError(FIELD_ERROR, f"ROSpec {spec.rospec_id} is not running")
        self.end(spec, now_s, for_good=True)
        return b""

    def _begin(self, spec: RoSpec, now_s: float) -> None:
        spec.start(now_s)
        self._tell(ROSPEC_EVENTS, now_s, encode("ROSpecEvent", 0, spec.rospec_id, 0))

    def end_item(self, spec: RoSpec, now_s: float) -> None:
        """The AISpec that runs is over: go on with the next one, or end the run."""
        ended = spec.ai.index
        if not spec.goes_on(now_s):
            self.end(spec, now_s)
            return
        if spec.report_trigger == END_OF_AISPEC:
            self._report(spec, now_s)
        self._tell(AISPEC_EVENTS, now_s, encode("AISpecEvent", 0, spec.rospec_id, ended))

    def end(self, spec: RoSpec, now_s: float, *, for_good: bool = False) -> None:
        """End a run: report the rest, say so, and begin anew where the start trigger is Immediate."""
        if spec.state != ACTIVE:
            return
        if spec.report_trigger:
            self._report(spec, now_s)
        spec.stop()
        self._tell(AISPEC_EVENTS, now_s, encode("AISpecEvent", 0, spec.rospec_id, spec.ai.index))
        self._tell(ROSPEC_EVENTS, now_s, encode("ROSpecEvent", 1, spec.rospec_id, 0))
        if spec.immediate and not for_good:
            self._begin(spec, now_s)

    def pull_triggers(self, edge: tuple[int, bool], now_s: float) -> None:
        """An input changed to this level."""
        for spec in self.specs.values():
            if spec.state == INACTIVE and spec.start_input == edge:
                self._begin(spec, now_s)
            elif spec.state == ACTIVE and spec.stop_input == edge:
                self.end(spec, now_s)
            elif spec.state == ACTIVE and spec.ai.stop_input == edge:
                self.end_item(spec, now_s)
