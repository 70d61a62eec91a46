# SPDX-License-Identifier: Apache-2.0
"""The sans-IO twin of a device: bytes in, bytes out, time as an argument, and stimuli from the world around it."""

from __future__ import annotations

import abc
import re
from collections.abc import Mapping
from typing import ClassVar

StimulusValue = str | int | float | bool


class UnknownStimulusError(ValueError):
    """The twin has no such stimulus; the text lists those it has."""


class Twin(abc.ABC):
    """A device without its network. One conversation at a time unless the twin says otherwise; what it shows, weighs or has lit outlives connections."""

    is_exclusive: ClassVar[bool] = False
    """Whether a second client is turned away while one is connected; else it takes the line over."""
    is_only_heard: ClassVar[bool] = False
    """Whether the device is reached as a file of the kernel that is only read (hidraw, input events): it is then served as a named pipe by itself."""

    def connected(self, now_s: float) -> bytes:
        """A client has connected; what the device says by itself."""
        return b""

    def disconnected(self, now_s: float) -> None:
        """The client is gone."""

    def turned_away(self, now_s: float) -> bytes:
        """What a second client hears from an `exclusive` server before it is closed."""
        return b""

    @abc.abstractmethod
    def receive_bytes(self, data: bytes, now_s: float) -> bytes:
        """Take bytes of the client, cut anyhow, and return the answer; never raises, whatever comes."""

    def advance_to(self, now_s: float) -> bytes:
        """Let time pass; what the device says by itself."""
        return b""

    def next_deadline_s(self) -> float | None:
        """When `advance_to` is due next."""
        return None

    @property
    def wants_close(self) -> bool:
        """Whether the device wants the connection closed after what it has just returned was sent."""
        return False

    def stimulate(self, name: str, arguments: Mapping[str, StimulusValue], now_s: float) -> bytes:
        """Something happens to the device (`place`, `press`, `scan`): calls the method `on_{name}` with the arguments and returns what it then says.

        Raises: UnknownStimulusError: no such stimulus.
        """
        method = getattr(self, f"on_{name}", None)
        if method is None:
            raise UnknownStimulusError(f"{type(self).__name__} has no stimulus {name!r}; it has: {', '.join(self.stimuli())}")
        said: bytes = method(now_s=now_s, **arguments)
        return said

    def change(self, name: str, text: str, now_s: float) -> bytes:
        """A condition of the device's world is changed as people write it (`load=12.5kg`, `paper=out`); returns what the device then says.

        Calls the method `set_{name}` with the text. Raises: UnknownStimulusError: no such condition. ValueError: not understood; says what is.
        """
        method = getattr(self, f"set_{name}", None)
        if method is None:
            raise UnknownStimulusError(f"{type(self).__name__} has no condition {name!r}; it has: {', '.join(self.conditions()) or 'none'}")
        said: bytes = method(text, now_s=now_s)
        return said

    @classmethod
    def conditions(cls) -> list[str]:
        """Names of the conditions that can be changed."""
        return sorted(name.removeprefix("set_") for name in dir(cls) if name.startswith("set_"))

    @classmethod
    def examples(cls, condition: str) -> list[str]:
        """What the condition can be set to: the words that the docstring of its method has between backticks, with or without `name=` before them."""
        told = re.findall("`([^`]+)`", getattr(cls, f"set_{condition}").__doc__ or "")
        return [word.removeprefix(f"{condition}=") for word in told]

    @classmethod
    def stimuli(cls) -> list[str]:
        """Names of the stimuli this twin knows."""
        return sorted(name.removeprefix("on_") for name in dir(cls) if name.startswith("on_"))
