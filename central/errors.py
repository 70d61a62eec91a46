# SPDX-License-Identifier: Apache-2.0
"""Errors of the domain, each with a stable code; the HTTP face turns them into problem+json (RFC 9457), ingest into exception work orders."""

from __future__ import annotations

from collections.abc import Collection


class DomainError(Exception):
    """Something that the rules of the trade do not allow. `code` is stable and for programs, `message` says what, where and what to do.

    `status` is the HTTP status that fits (RFC 9110). Areas subclass it: `class UnknownItemError(DomainError): ...`.
    """

    status = 422

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class NotFoundError(DomainError):
    """What was asked for is not there."""

    status = 404


class ConflictError(DomainError):
    """The request contradicts what is stored: same id with other content, or a state that has moved on."""

    status = 409


class ForbiddenError(DomainError):
    """The caller may not do this."""

    status = 403


class BusyError(DomainError):
    """The database was too busy; the same request again may work."""

    status = 503

    def __init__(self) -> None:
        super().__init__("busy", "the database is busy; send the same request again")


class MethodError(DomainError):
    """The address does not take this method."""

    status = 405

    def __init__(self, method: str, allowed: Collection[str]) -> None:
        super().__init__("method_not_allowed", f"this address does not take {method}; it takes {', '.join(sorted(allowed))}")
        self.allowed = allowed


class InsufficientStockError(DomainError):
    """A posting would take more from an account than is there and free."""

    status = 409

    def __init__(self, account: str, wanted: int, free: int) -> None:
        super().__init__("insufficient_stock", f"{account}: {wanted} wanted, {free} there and free; count the place or choose another")
        self.account = account
        self.wanted = wanted
        self.free = free
