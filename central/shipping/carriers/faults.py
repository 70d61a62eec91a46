# SPDX-License-Identifier: Apache-2.0
"""How a carrier may fail to do what was asked, by what can be done about it: try again, change something, tell a person."""

from __future__ import annotations


class CarrierError(Exception):
    """A carrier did not do what was asked. The message is for people; `retry` says whether the same request may work later."""

    retry = False

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class CarrierUnreachableError(CarrierError):
    """No answer, or one that is not understood: nobody knows whether it was done. The same request again is safe, its reference is the same."""

    retry = True


class CarrierBusyError(CarrierUnreachableError):
    """The carrier asks to come again later."""


class CarrierRefusedError(CarrierError):
    """The carrier says no: the same request again gets the same answer. A person must change something."""


class AddressRefusedError(CarrierRefusedError):
    """The carrier does not deliver to this address, or does not understand it."""


class PushRefusedError(CarrierError):
    """A push that does not prove that it comes from the carrier, or that cannot be read."""
