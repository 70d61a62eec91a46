# SPDX-License-Identifier: Apache-2.0
"""The shell of all drivers of pick lights: what their sessions report, as readings."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.readings import AnyReading, ButtonPressed, ConditionChanged, LampTestEnded, ReadingFailed
from drivers.base.driver import ConfigT, StreamDriver
from drivers.base.lights import ButtonsStuck, TagAnswered, TagFault, TagsTested
from drivers.base.session import SessionEvent


class LightDriver(StreamDriver[ConfigT]):
    """A press becomes ButtonPressed, a light's fault ReadingFailed of `node_<n>`, the end of a lamp test LampTestEnded, held keys button_stuck."""

    def readings(self, event: SessionEvent, at_s: float) -> Iterable[AnyReading]:
        """See `StreamDriver.readings`."""
        match event:
            case TagAnswered(node=node, press=press, quantity=quantity):
                yield ButtonPressed(device=self.device_id, at_s=at_s, node=node, press=press, quantity=quantity)
            case TagFault(node=node, code=code, meaning=meaning):
                yield ReadingFailed(device=self.device_id, at_s=at_s, quantity=f"node_{node}", reason=f"{meaning} (code {code})")
            case ButtonsStuck(nodes=nodes):
                reason = f"key held down on pick tag {', '.join(map(str, nodes))}; check that nothing leans on it" if nodes else "all keys are up again"
                yield ConditionChanged(device=self.device_id, at_s=at_s, condition="button_stuck", active=bool(nodes), reason=reason)
            case TagsTested(dead=dead):
                yield LampTestEnded(device=self.device_id, at_s=at_s, dead=list(dead))
