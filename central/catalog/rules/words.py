# SPDX-License-Identifier: Apache-2.0
"""The words of master data: codes, sites, conditions, classes of danger. What stands here once is meant everywhere."""

from __future__ import annotations

import re
import unicodedata
from datetime import time
from typing import Annotated, Any, ClassVar, Final, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints
from pydantic_core import PydanticCustomError

from contracts.identifiers import IdentifierError, check_gln, normalise_gtin
from contracts.topics import check_name

Condition = Literal["ambient", "chilled", "frozen"]
LocationKind = Literal["bin", "storage", "stage", "dock", "shipped", "transit", "pack", "start"]
PartnerKind = Literal["supplier", "customer", "carrier", "owner"]
Backorders = Literal["backorder", "drop", "wait"]
"""What becomes of what of an order is not there: sent later, as often as some of it comes; left out; or all waits for it."""
SiteKind = Literal["warehouse", "store", "hub"]
Direction = Literal["both", "up", "down"]
Locked = Literal["", "in", "out", "both"]
Tracking = Literal["none", "lot", "serial"]
Removal = Literal["fefo", "fifo", "lifo", "closest", "least_packages"]
ReasonKind = Literal["loss", "damage", "adjustment", "return", "hold", "short"]

HANDLING: Final = ("fragile", "upright", "no_stack", "heavy", "liquid")
"""How goods want to be treated."""

HAZARDS: Final = (
    *("1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "2.1", "2.2", "2.3", "3", "4.1", "4.2", "4.3"),
    *("5.1", "5.2", "6.1", "6.2", "7", "8", "9"),
)
"""Classes and divisions of dangerous goods (UN Model Regulations, chapter 2.0)."""

_SPACE = re.compile(r"\s+")


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _storable(text: str) -> str:
    # PostgreSQL keeps no NUL in a text, and no half of a surrogate pair is UTF-8.
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise wrong("text_unstorable", "has a character that no text may hold")
    return text


def _hazard(text: str) -> str:
    if text and text not in HAZARDS:
        raise wrong("hazard_unknown", f"hazard class {text!r} is not one of {', '.join(HAZARDS)}")
    return text


def _list_of(known: tuple[str, ...], what: str, text: str, also: str = "") -> str:
    parts = [part.strip() for part in re.split(r"[,，、;；]", text) if part.strip()]
    unknown = [part for part in parts if part not in known and part != also]
    if unknown:
        raise wrong(f"{what.partition(' ')[0]}_unknown", f"{what} {', '.join(unknown)} not known; known are {', '.join(known)}")
    return ",".join(dict.fromkeys(parts))


def _handling(text: str) -> str:
    return _list_of(HANDLING, "handling", text)


def _hazards(text: str) -> str:
    return _list_of(HAZARDS, "hazard class", text, also="*")


def _time_zone(text: str) -> str:
    if text not in available_timezones():
        raise wrong("time_zone_unknown", f"time zone {text!r} is not known; use an IANA name such as Asia/Shanghai")
    return text


def _hour(text: str) -> str:
    if text:
        try:
            time.fromisoformat(text)
        except ValueError as error:
            raise wrong("time_wrong", f"{text!r} is no time of day; write it as HH:MM") from error
    return text


Text = Annotated[str, AfterValidator(_storable)]
Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\s/@][^/]*$"), AfterValidator(_storable)]
"""A code as on a label: 1 to 64 characters, no slash, not beginning with @ (virtual places) or a blank."""
Site = Annotated[str, AfterValidator(check_name)]
"""The name of a site: 1 to 64 of a-z, 0-9, - and _."""
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(_storable)]
"""A word of the house, or nothing."""
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_storable)]
Named = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"\S"), AfterValidator(_storable)]
"""A name that must be given."""
Gtin = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(normalise_gtin)]
Gln = Annotated[str, StringConstraints(strip_whitespace=True), AfterValidator(check_gln)]
Lot = Annotated[str, StringConstraints(strip_whitespace=True, max_length=20), AfterValidator(_storable)]
"""A lot number, GS1 AI (10): up to 20 characters; empty for goods without lots."""
Hazard = Annotated[str, AfterValidator(_hazard)]
"""A UN class or division; empty: no dangerous goods."""
Hazards = Annotated[str, StringConstraints(max_length=200), AfterValidator(_hazards)]
"""Classes with a comma between; `*` for all."""
Handling = Annotated[str, StringConstraints(max_length=200), AfterValidator(_handling)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Hour = Annotated[str, StringConstraints(pattern=r"^([0-2][0-9]:[0-5][0-9])?$"), AfterValidator(_hour)]
"""A time of day, HH:MM; or nothing."""

QUANTITY_MAX: Final = 10**15
"""No quantity, weight or size above it: products of two stay below what 64 bits hold only when the code multiplies in Python, where they always fit."""
_INT32_MAX: Final = 2**31 - 1
Amount = Annotated[int, Field(gt=0, le=QUANTITY_MAX)]
"""So many smallest units, at least one."""
Small = Annotated[int, Field(gt=0, le=_INT32_MAX)]
"""A size, a weight in grams or a number of days that a 32-bit column holds, above zero."""
Count = Annotated[int, Field(ge=0, le=_INT32_MAX)]
"""Nothing or more, in a 32-bit column."""
Rank = Annotated[int, Field(ge=-_INT32_MAX, le=_INT32_MAX)]
Metres = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]


def example(**values: JsonValue) -> ConfigDict:
    """The configuration of a kind with the row that documentation and templates show."""
    return ConfigDict(json_schema_extra={"examples": [values]})


def wrong(code: str, text: str, /, **params: Any) -> PydanticCustomError:
    """A fault of a value with a stable code, for validators to raise; `params` are what the text names, for other languages."""
    return PydanticCustomError(code, "{text}", {**params, "text": text})


class Row(BaseModel):
    """Base of what the catalog takes in: unknown fields are refused, so that a mistyped column is told and not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    KEY: ClassVar[tuple[str, ...]] = ("code",)
    """The fields that make a row the same row when it comes again."""

    @property
    def key(self) -> tuple[str, ...]:
        """The values of the key."""
        return tuple(str(getattr(self, name)) for name in self.KEY)


_ELEMENT = re.compile(r"(?:\][A-Za-z][0-9])?\(?01\)?([0-9]{14}).*|https?://.+/01/([0-9]{8,14})(?:[/?].*)?", re.DOTALL)
"""A GS1 element string that begins with AI (01), or a GS1 Digital Link."""


def gtin_within(text: str) -> str:
    """The GTIN (14 digits) that a scanned GS1 label or Digital Link names its goods by; empty when it names none."""
    found = _ELEMENT.fullmatch(text.strip())
    try:
        return normalise_gtin(found[1] or found[2]) if found else ""
    except IdentifierError:
        return ""


def index_code(text: str) -> str:
    """What a scanned or typed text is looked up as: full-width letters and digits as plain ones, a GTIN of any length as 14 digits."""
    code = _plain(unicodedata.normalize("NFKC", text))
    try:
        return normalise_gtin(code)
    except IdentifierError:
        return code
