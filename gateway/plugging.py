# SPDX-License-Identifier: Apache-2.0
"""A device that was unplugged is sought as soon as it is plugged in again, whatever pause is due: its file under /dev is looked for meanwhile."""

from __future__ import annotations

import asyncio
import os

from drivers.base.config import DeviceConfig
from drivers.base.spec import Driver

_LOOK_S = 0.2
"""Polling does where a watch of the folder does not: /dev/serial/by-id itself is not there before the first adapter is."""
_TAKEN_OUT_S = 2.0
"""Chosen: a loose contact is away for a moment; who takes a plug out and puts one in again means it, also where the device was given up."""


def path_of(driver: Driver) -> str:
    """The file under /dev that a driver opens; empty: none."""
    config = getattr(driver, "config", None)
    return config.usb_path if isinstance(config, DeviceConfig) else ""


async def pause(delay_s: float, path: str, *, given_up: bool = False) -> None:
    """Wait, but no longer than until the file is there that was not there. `given_up`: only if it was away for as long as a person takes."""
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + delay_s
    gone_s: float | None = None
    while (left_s := ends_s - loop.time()) > 0:
        if not path:
            await asyncio.sleep(left_s)
            return
        if not os.path.exists(path):  # noqa: PTH110, ASYNC240  # a file of /dev: no disk is asked
            gone_s = loop.time() if gone_s is None else gone_s
        elif gone_s is not None and (not given_up or loop.time() - gone_s >= _TAKEN_OUT_S):
            return
        else:
            gone_s = None
        await asyncio.sleep(min(_LOOK_S, left_s))
