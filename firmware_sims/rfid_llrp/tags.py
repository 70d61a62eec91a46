# SPDX-License-Identifier: Apache-2.0
"""The memory of a Gen2 tag: four banks of 16-bit words, five locks, two passwords, and death.

Source: EPC Gen2 1.2.0, 6.3.2.1 (memory), 6.3.2.11.3 (Read, Write, Kill, Lock). A tag whose access password is zero is always in the secured state; the
lock of a password forbids reading it too.
"""

from __future__ import annotations

import binascii
import struct
from dataclasses import dataclass, field
from enum import Enum

RESERVED, EPC, TID, USER = range(4)
_READ_WRITE_LOCK, _PERMALOCK, _PERMAUNLOCK, _UNLOCK = range(4)  # C1G2LockPayload, privilege
KILL_PASSWORD, ACCESS_PASSWORD, EPC_LOCK, TID_LOCK, USER_LOCK = range(5)  # C1G2LockPayload, data field
_LOCK_OF_BANK = {EPC: EPC_LOCK, TID: TID_LOCK, USER: USER_LOCK}
_USER_WORDS = 32


class Refusal(Enum):
    """Why a tag does not do what it is told."""

    OVERRUN = "memory overrun"
    LOCKED = "memory locked"
    WRONG_SECRET = "incorrect password"  # noqa: S105 - the word for a refusal
    CANNOT_BE_KILLED = "kill password is zero"


class TagRefusesError(Exception):
    """The tag answers with an error, or not at all."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


def _words(data: bytes) -> list[int]:
    return list(struct.unpack(f"!{len(data) // 2}H", data))


@dataclass
class Tag:
    """One tag. `banks` are words; `locks` hold the last privilege of each part, `_UNLOCK` at first, the TID's for ever locked."""

    banks: dict[int, list[int]]
    locks: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(5), _UNLOCK) | {TID_LOCK: _PERMALOCK})
    is_dead: bool = False

    @classmethod
    def with_epc(cls, epc: bytes) -> Tag:
        """A fresh tag: passwords zero, user memory empty, a TID made of its EPC so that it is always the same."""
        pc = len(epc) // 2 << 11
        tid = bytes.fromhex("E2801190") + binascii.crc32(epc).to_bytes(4, "big") + bytes(4)
        return cls({RESERVED: [0] * 4, EPC: [0, pc, *_words(epc)], TID: _words(tid), USER: [0] * _USER_WORDS})

    @property
    def epc(self) -> bytes:
        """As it answers to an inventory: as long as its protocol control word says."""
        count = self.banks[EPC][1] >> 11
        epc = self.banks[EPC][2 : 2 + count]
        return struct.pack(f"!{len(epc)}H", *epc)

    def bits(self, bank: int, start: int, count: int) -> str | None:
        """Bits of a bank as 0 and 1, for a filter; None: it has none there."""
        words = self.banks[bank] if bank != RESERVED else []
        text = "".join(f"{word:016b}" for word in words)
        return text[start : start + count] if start + count <= len(text) else None

    def read(self, bank: int, first: int, count: int, password: int) -> list[int]:
        """Words of a bank, all from `first` on for a count of 0. Raises: TagRefusesError."""
        is_secured = self._secured(password)
        words = self.banks[bank]
        end = first + count if count else len(words)
        if first >= len(words) or end > len(words):
            raise TagRefusesError(Refusal.OVERRUN)
        if bank == RESERVED:
            for part, (begin, behind) in {KILL_PASSWORD: (0, 2), ACCESS_PASSWORD: (2, 4)}.items():
                if first < behind and end > begin:
                    self._check_lock(part, is_secured)
        return words[first:end]

    def write(self, bank: int, first: int, words: list[int], password: int) -> int:
        """Returns how many words were written. Raises: TagRefusesError: nothing was."""
        is_secured = self._secured(password)
        if first + len(words) > len(self.banks[bank]):
            raise TagRefusesError(Refusal.OVERRUN)
        parts = {_LOCK_OF_BANK[bank]} if bank != RESERVED else {KILL_PASSWORD if word < 2 else ACCESS_PASSWORD for word in range(first, first + len(words))}
        for part in parts:
            self._check_lock(part, is_secured)
        self.banks[bank][first : first + len(words)] = words
        return len(words)

    def lock(self, privilege: int, part: int, password: int) -> None:
        """Raises: TagRefusesError: the password is missing, or the lock is for ever."""
        if not self._secured(password):
            raise TagRefusesError(Refusal.WRONG_SECRET)
        if self.locks[part] in (_PERMALOCK, _PERMAUNLOCK) and privilege != self.locks[part]:
            raise TagRefusesError(Refusal.LOCKED)
        self.locks[part] = privilege

    def kill(self, password: int) -> None:
        """Raises: TagRefusesError: it lives on."""
        actual = self.banks[RESERVED][0] << 16 | self.banks[RESERVED][1]
        if not actual:
            raise TagRefusesError(Refusal.CANNOT_BE_KILLED)
        if actual != password:
            raise TagRefusesError(Refusal.WRONG_SECRET)
        self.is_dead = True

    def _secured(self, password: int) -> bool:
        """Whether the reader with this password may write what is locked. Raises: TagRefusesError: it gave a wrong one."""
        actual = self.banks[RESERVED][2] << 16 | self.banks[RESERVED][3]
        if password and password != actual:
            raise TagRefusesError(Refusal.WRONG_SECRET)
        return password == actual

    def _check_lock(self, part: int, is_secured: bool) -> None:
        if self.locks[part] == _PERMALOCK or (self.locks[part] == _READ_WRITE_LOCK and not is_secured):
            raise TagRefusesError(Refusal.LOCKED)
