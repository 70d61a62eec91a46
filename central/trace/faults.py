# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an event or a query, and where; refusals with the exception names of EPCIS 2.0 (section 12.3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from central.errors import DomainError


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a document. `at` is the place as a JSON Pointer (RFC 6901); `form`: the schema refuses it, else a rule of ours or of the standard's text."""

    at: str
    text: str
    form: bool = True

    def within(self, place: str) -> Fault:
        """The same fault seen from outside `place`."""
        return Fault(place + self.at, self.text, self.form)


class EpcisError(DomainError):
    """A request that an EPCIS interface refuses. `exception` is the standard's name, which becomes the problem's type."""

    status = 400
    exception = "ValidationException"

    def __init__(self, code: str, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(code, message)
        self.faults = tuple(faults)

    def body(self, path: str) -> dict[str, Any]:
        """The problem (RFC 7807) as it is answered."""
        made: dict[str, Any] = {
            "type": f"epcisException:{self.exception}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "code": self.code,
            "detail": self.message,
            "instance": path,
        }
        if self.faults:
            made["errors"] = [{"at": fault.at, "message": fault.text, "kind": "form" if fault.form else "rule"} for fault in self.faults]
        return made


class ValidationError(EpcisError):
    """A document or an event that is none."""

    def __init__(self, message: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__("epcis_validation", message, faults)


class QueryParameterError(EpcisError):
    """A query with a parameter that is not known, or with a value that does not fit it."""

    exception = "QueryParameterException"

    def __init__(self, message: str) -> None:
        super().__init__("epcis_query_parameter", message)


class QueryTooLargeError(EpcisError):
    """More events than the caller allows."""

    status = 413
    exception = "QueryTooLargeException"

    def __init__(self, message: str) -> None:
        super().__init__("epcis_query_too_large", message)


class NoSuchNameError(EpcisError):
    """An event, a job or a query that is not there."""

    status = 404
    exception = "NoSuchNameException"

    def __init__(self, message: str) -> None:
        super().__init__("epcis_no_such_name", message)


class DuplicateNameError(EpcisError):
    """A query of this name says something else."""

    status = 409
    exception = "DuplicateNameException"

    def __init__(self, message: str) -> None:
        super().__init__("epcis_duplicate_name", message)


class SubscriptionError(EpcisError):
    """A subscription whose schedule is none, or whose query cannot stand."""

    exception = "SubscriptionControlsException"

    def __init__(self, message: str) -> None:
        super().__init__("epcis_subscription", message)


class DuplicateSubscriptionError(EpcisError):
    """The same subscription is there with another token."""

    status = 409
    exception = "DuplicateSubscriptionException"

    def __init__(self, message: str) -> None:
        super().__init__("epcis_duplicate_subscription", message)


class CaptureLimitError(EpcisError):
    """More than one capture may have."""

    status = 413
    exception = "CaptureLimitExceededException"

    def __init__(self, message: str) -> None:
        super().__init__("epcis_capture_limit", message)


_OF_STATUS = {
    406: "NotAcceptableException",
    414: "URITooLongException",
    415: "UnsupportedMediaTypeException",
    501: "ImplementationException",
}


class UnsupportedError(EpcisError):
    """A version, a format, a length of address or a function that Dockline does not have."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__("epcis_unsupported", message)
        self.status = status
        self.exception = _OF_STATUS[status]


def told(faults: Iterable[Fault], most: int = 5) -> str:
    """The first faults in one line."""
    listed = list(faults)
    text = "; ".join(f"{fault.at or '/'}: {fault.text}" for fault in listed[:most])
    return text + (f"; and {len(listed) - most} more" if len(listed) > most else "")
