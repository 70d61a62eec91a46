# SPDX-License-Identifier: Apache-2.0
"""Pumps an open file of the kernel, such as a serial line, into a StreamReader, and what is written out to it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable

from drivers.base.serial_line import forget_unsent, is_same_file, unsent_bytes

_READ_BYTES = 65536
_LOOK_S = 0.5  # with the supervisor's first pause this serves again within 2 s of plugging in, also where the kernel does not hang up
_FLUSH_S, _FLUSH_LOOK_S = 1.0, 0.01  # chosen: a kilobyte at 9600 baud; what takes longer is held back by the device
_UNSEEN_MAX = 2  # udev may replace a link while nothing was unplugged


class FilePump:
    """`shut` closes the file. `path` is looked at again and again: when it does not lead to the open file any more, the device was unplugged."""

    def __init__(self, fd: int, shut: Callable[[], None], path: str) -> None:
        self.fd = fd
        self.reader = asyncio.StreamReader()
        self._unsent = bytearray()
        self._loop = asyncio.get_running_loop()
        self._shut = shut
        self._path = path
        self._unseen = 0
        self._is_broken = False
        os.set_blocking(self.fd, False)
        self._loop.add_reader(self.fd, self._readable)
        self._watch: asyncio.TimerHandle | None = self._loop.call_later(_LOOK_S, self._look)

    def write(self, data: bytes) -> None:
        """Queue bytes. Raises: OSError: the line broke."""
        self._unsent += data
        self._write_out()

    async def close(self) -> None:
        """Give what is queued a second to go out, and close the file.

        A line whose flow control holds bytes back would keep the kernel's close, and with it this whole program, waiting for half a minute.
        """
        until_s = self._loop.time() + _FLUSH_S
        with contextlib.suppress(OSError):
            while not self._is_broken and (self._unsent or unsent_bytes(self.fd)):
                if self._loop.time() >= until_s:
                    forget_unsent(self.fd)
                    break
                await asyncio.sleep(_FLUSH_LOOK_S)
        self._stop()
        self.reader.feed_eof()
        self._shut()

    def _look(self) -> None:
        self._unseen = 0 if is_same_file(self._path, self.fd) else self._unseen + 1
        if self._unseen >= _UNSEEN_MAX:
            self._broke(OSError(f"it was unplugged: {self._path} leads elsewhere, or nowhere"))
        else:
            self._watch = self._loop.call_later(_LOOK_S, self._look)

    def _readable(self) -> None:
        try:
            data = os.read(self.fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._broke(error)
            return
        if data:
            self.reader.feed_data(data)
        else:
            self._broke(OSError("the other end hung up"))

    def _broke(self, error: OSError) -> None:
        self._is_broken = True
        self._stop()
        self.reader.set_exception(error)

    def _stop(self) -> None:
        self._loop.remove_reader(self.fd)
        self._loop.remove_writer(self.fd)
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _write_out(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sent = os.write(self.fd, self._unsent)
            del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self.fd, self._writable)
        else:
            self._loop.remove_writer(self.fd)

    def _writable(self) -> None:
        try:
            self._write_out()
        except OSError as error:
            self._broke(error)
