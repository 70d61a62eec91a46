# SPDX-License-Identifier: Apache-2.0
"""Entity tags and preconditions (RFC 9110, section 13): read only what changed, write only what was seen.

A route that reads: `def get_item(code: ..., seen: Seen) -> ItemOut: ... return seen.answer(item)`.
A route that writes: `precondition: Precondition`, and inside the write transaction, under the lock: `precondition.check(the same item as the GET answers)`.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Response
from pydantic_core import to_jsonable_python

from central.errors import DomainError

T = TypeVar("T")

_TAG_BYTES = 18
_HEADER_LENGTH_MAX = 2000


class PreconditionFailedError(DomainError):
    """The resource is not as the caller saw it."""

    status = 412


class NotModified(Exception):
    """The caller has the resource as it is now; answered as 304 by `central.problems`."""

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self.tag = tag


def etag(resource: Any) -> str:
    """The strong entity tag of a resource: a hash of its canonical JSON. A model and the dict of its fields have the same tag."""
    text = json.dumps(to_jsonable_python(resource, by_alias=True), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f'"{base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:_TAG_BYTES]).decode()}"'


def _tags(header: str) -> list[str]:
    # A weak tag never matches strongly; for reading the mark W/ is ignored (RFC 9110, 8.8.3.2).
    return [tag.strip() for tag in header.split(",")]


@dataclass(frozen=True, slots=True)
class Reading:
    """What the caller has seen (`If-None-Match`), and the response that carries the tag of what is now."""

    if_none_match: str | None
    response: Response

    def answer(self, resource: T) -> T:
        """The resource, with its tag in the response. Raises: NotModified: the caller has it."""
        tag = etag(resource)
        self.response.headers["ETag"] = tag
        seen = [each.removeprefix("W/") for each in _tags(self.if_none_match or "")]
        if tag in seen or "*" in seen:
            raise NotModified(tag)
        return resource


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must hold for a write: `If-Match` (the resource is as seen), `If-None-Match: *` (there is none yet)."""

    if_match: str | None = None
    if_none_match: str | None = None

    @property
    def any(self) -> bool:
        """Whether the caller asked for anything; if not, the present state need not be read."""
        return self.if_match is not None or self.if_none_match is not None

    def check(self, current: Any) -> None:
        """Compare with the resource as it is now (None: there is none), inside the write transaction, after the locks.

        Raises: PreconditionFailedError.
        """
        tag = None if current is None else etag(current)
        if self.if_match is not None and (tag is None or not {tag, "*"} & set(_tags(self.if_match))):
            now = "there is none" if tag is None else f"it is {tag} now"
            raise PreconditionFailedError("precondition_failed", f"If-Match asks for {self.if_match}, {now}; read it again, decide, and send the tag that came")
        if self.if_none_match is not None and tag is not None and {tag, "*"} & set(_tags(self.if_none_match)):
            raise PreconditionFailedError("precondition_failed", f"If-None-Match asks that there be no {self.if_none_match}, there is {tag}; read it first")


def _reading(
    response: Response,
    if_none_match: Annotated[str | None, Header(max_length=_HEADER_LENGTH_MAX, description="the ETag that the caller has; 304 if it still holds")] = None,
) -> Reading:
    return Reading(if_none_match, response)


def _conditions(
    if_match: Annotated[str | None, Header(max_length=_HEADER_LENGTH_MAX, description="write only if the resource still has this ETag; 412 otherwise")] = None,
    if_none_match: Annotated[str | None, Header(max_length=_HEADER_LENGTH_MAX, description="`*`: write only if there is none yet; 412 otherwise")] = None,
) -> Conditions:
    return Conditions(if_match, if_none_match)


Seen = Annotated[Reading, Depends(_reading)]
"""For routes that read one resource: `return seen.answer(resource)`."""
Precondition = Annotated[Conditions, Depends(_conditions)]
"""For routes that write one resource: `precondition.check(current)` in the write transaction."""
