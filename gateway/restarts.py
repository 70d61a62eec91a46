# SPDX-License-Identifier: Apache-2.0
"""Why the gateway was started: a small file says how the last run ended, and a file for last words what a dying process still could say.

Written twice per start at most, and once at an end: a card must not wear out by it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
from pathlib import Path
from typing import TextIO

import msgspec

from gateway.durable_file import write_durably

SAFE_AFTER_STARTS = 5
"""So many starts one after the other, none of which got as far as `STABLE_S`, and the next one leaves all devices alone."""
STABLE_S = 120.0
SAFE_OVER = "safe mode over"
SAFE_FOR_S = 900.0
"""So long a gateway that went into safe mode by itself stays there before it tries again."""
WORDS_BEFORE = "last-words-before.txt"
"""In the data folder: what the last run that could still say something said in full."""
_REASON_MAX = 500
_CARD_RESET = 0x20  # WDIOF_CARDRESET of linux/watchdog.h: the last reboot was the hardware watchdog's
_WATCHDOGS = Path("/sys/class/watchdog")

log = logging.getLogger(__name__)


class Run(msgspec.Struct, kw_only=True):
    """What is kept of a run. `ended` empty: it runs, or it never came to say how it ended."""

    boot_id: str = ""
    version: str = ""
    config_hash: str = ""
    ended: str = ""
    failed_starts: int = 0
    starts: int = 0
    restarted: str = ""
    last_words: str = ""


def reason_of(last: Run | None, boot_id: str, last_words: str, *, reset_by_watchdog: bool = False) -> str:
    """Why a run begins, from what the last one left: `first`, `clean`, `update`, `configuration`, `power`, `watchdog`, `killed`, or `crash: ...`."""
    if last is None:
        return "first"
    if last.ended:
        return last.ended
    if last.boot_id != boot_id:
        return "watchdog" if reset_by_watchdog else "power"
    if "Aborted" in last_words:  # systemd ends with SIGABRT what gives no sign of life
        return "watchdog"
    if fatal := next((line for line in last_words.splitlines() if line.startswith("Fatal Python error")), ""):
        return f"crash: {fatal.removeprefix('Fatal Python error: ')}"
    return "killed"


def is_failed(reason: str) -> bool:
    """Whether a start for this reason counts as one that failed; a power cut is nobody's fault and no safe mode helps against it."""
    return reason in ("killed", "watchdog") or reason.startswith("crash")


class Restarts:
    """The file of one gateway. `safe` is what must be done now; `restarted` why it was started."""

    def __init__(self, data_dir: Path, *, boot_id: str, version: str, config_hash: str, watchdogs: Path = _WATCHDOGS) -> None:
        self._path = data_dir / "run.json"
        self._words_path = data_dir / "last-words.txt"
        last = read_run(self._path)
        words = _text(self._words_path)
        if words:  # for people to look at; and a run that is killed before it listens must not seem to have said them
            with contextlib.suppress(OSError):
                self._words_path.replace(data_dir / WORDS_BEFORE)
        self.restarted = reason_of(last, boot_id, words, reset_by_watchdog=_was_reset_by_watchdog(watchdogs))
        before = last or Run()
        same = (before.config_hash, before.version) == (config_hash, version)
        failed = before.failed_starts if same and (is_failed(self.restarted) or self.restarted == SAFE_OVER) else 0
        self.safe = failed >= SAFE_AFTER_STARTS
        kept_words = words or (before.last_words if is_failed(self.restarted) else "")
        self.run = Run(
            boot_id=boot_id,
            version=version,
            config_hash=config_hash,
            failed_starts=failed + 1,
            starts=before.starts + 1,
            restarted=self.restarted,
            last_words=kept_words[-4 * _REASON_MAX :],
        )
        self._words: TextIO | None = None
        self._write()

    def stable(self) -> None:
        """This run has come to work: what failed before does not count any more."""
        if self.run.failed_starts:
            self.run.failed_starts = 0
            self._write()

    def ended(self, reason: str) -> None:
        """How the run ends. After safe mode one more failure leads back there at once."""
        self.run.ended = reason[:_REASON_MAX]
        if reason == SAFE_OVER:
            self.run.failed_starts = SAFE_AFTER_STARTS - 1
        elif not reason.startswith("crash"):
            self.run.failed_starts = 0
        self._write()
        self._forget_words()

    def listen_for_last_words(self) -> None:
        """Have the interpreter write down where every thread stands when the process is aborted or breaks; works also when it is stuck."""
        self._words = self._words_path.open("w", encoding="utf-8")
        faulthandler.enable(self._words)

    def _forget_words(self) -> None:
        if self._words is not None:
            faulthandler.disable()
            self._words.close()
            self._words = None

    def _write(self) -> None:
        """A full or broken disk must not keep the gateway from running."""
        try:
            write_durably(self._path, msgspec.json.encode(self.run))
        except OSError as error:
            log.warning("how this run goes cannot be noted", extra={"file": str(self._path), "reason": str(error)})


def read_run(path: Path) -> Run | None:
    """What a file says; None: there is none, or it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Run)
    except (OSError, msgspec.DecodeError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _was_reset_by_watchdog(watchdogs: Path) -> bool:
    """Whether a hardware watchdog says that it made this boot (bootstatus, watchdog-api.rst of the kernel)."""
    for status in sorted(watchdogs.glob("watchdog*/bootstatus")) if watchdogs.is_dir() else ():
        with contextlib.suppress(ValueError):
            if int(_text(status) or "0") & _CARD_RESET:
                return True
    return False
