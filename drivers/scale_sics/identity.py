# SPDX-License-Identifier: Apache-2.0
"""What a scale tells of itself, and which commands it says it has."""

from __future__ import annotations

import re

from drivers.scale_sics.frames import Reply
from drivers.scale_sics.questions import Ask

_LISTED = re.compile(r'[0-9]\s+"([^"]+)"')
"""A line of I0: `0 "SI"`, the level and the command (Reference Manual MT-SICS, I0)."""
_NAMES_MAX = 1024


class Identity:
    """Filled by the answers to I0 to I5, or to NB and PC of Radwag. `serial` is empty until it is told."""

    def __init__(self) -> None:
        self.serial = ""
        self.remark = ""
        self._told: dict[Ask, str] = {}
        self._commands: set[str] = set()

    def may_know(self, command: str) -> bool:
        """False only when the scale has listed its commands and this one is not among them."""
        return not self._commands or command in self._commands

    def take_list(self, reply: Reply) -> None:
        """A line of the list of commands. A look-alike that tells something else there leaves the list unknown."""
        if listed := _LISTED.fullmatch(reply.detail):
            if len(self._commands) < _NAMES_MAX:
                self._commands.add(listed[1])
        elif reply.command == "PC" and reply.status == "A":
            self._commands.update(name.strip() for name in reply.detail.split(",")[:_NAMES_MAX])

    def take(self, ask: Ask, reply: Reply) -> None:
        """The answer to one of the other questions."""
        if reply.status != "A":
            return
        if ask in (Ask.MARK, Ask.IDENTIFY, Ask.RESET):
            self.serial = reply.detail
        else:
            self._told[ask] = reply.detail.replace('"', "").strip()

    @property
    def about(self) -> str:
        """For people: model, software, levels and serial number, as far as told."""
        names = {Ask.MODEL: "", Ask.SOFTWARE: "software ", Ask.SOFTWARE_ID: "software number ", Ask.LEVELS: "MT-SICS "}
        if not self._told.get(Ask.LEVELS, "0")[:1].isdigit():
            names[Ask.LEVELS] = ""  # a look-alike that tells its model there
        parts = [name + self._told[ask] for ask, name in names.items() if self._told.get(ask, self.serial) != self.serial]
        return ", ".join([*parts, *([f"serial number {self.serial}"] if self.serial else []), *([self.remark] if self.remark else [])])
