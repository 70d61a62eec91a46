# SPDX-License-Identifier: Apache-2.0
"""Routes of configurations: pushed to gateways, seen with what became of them, and pushed again as a new version."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field
from sqlalchemy import Connection

from central.database import in_transaction, reading
from central.examples import answer, body
from central.fleet import configurations, queries
from central.fleet.configuration_rules import DOCUMENT_BYTES_MAX
from central.fleet.trust_api import GatewayName, authority_of
from central.paging import After, Limit, Page
from central.requests import Database, News, Now

router = APIRouter(prefix="/api/v1", tags=["fleet"])

_VERSION_MAX = 2**31 - 2
_DOCUMENT = '[gateway]\nid = "gate-1"\nsite = "shanghai-1"\n'
_CONFIGURATION = {
    "gateway": "gate-1",
    "version": 7,
    "digest": "8f14e45fceea",
    "actor": "li",
    "note": "second reader at dock 3",
    "again_of": None,
    "made_at": "2026-11-21T08:00:00Z",
    "sent_at": "2026-11-21T08:00:00Z",
    "attempts": 1,
    "state": "applied",
    "reason": "",
    "ended_at": "2026-11-21T08:00:09Z",
}
Version = Annotated[int, Path(ge=1, le=_VERSION_MAX, description="number of the configuration", examples=[7])]


class ConfigurationIn(BaseModel):
    """A configuration to be signed and sent."""

    model_config = body({"document": _DOCUMENT, "actor": "li", "note": "second reader at dock 3"})

    document: str = Field(
        min_length=1, max_length=DOCUMENT_BYTES_MAX, description="the whole configuration, TOML; the gateway checks all of it before it takes over"
    )
    actor: str = Field("api", min_length=1, max_length=100, description="who wants it")
    note: str = Field("", max_length=500, description="why, for people")
    above: int = Field(0, ge=0, le=_VERSION_MAX - 1, description="give it a number above this one, for a gateway that remembers more than this database")


class AgainIn(BaseModel):
    """Who wants an earlier configuration again, and why."""

    model_config = body({"actor": "li", "note": "the new reader went back"})

    actor: str = Field("api", min_length=1, max_length=100, description="who wants it")
    note: str = Field("", max_length=500, description="why, for people")


class ConfigurationOut(BaseModel):
    """A configuration and what became of it."""

    model_config = answer(_CONFIGURATION)

    gateway: str
    version: int
    digest: str = Field(description="the first 12 hex digits of its SHA-256, as births of the gateway say it")
    actor: str
    note: str
    again_of: int | None = Field(description="the version whose content it has once more")
    made_at: datetime
    sent_at: datetime | None = Field(description="last")
    attempts: int
    state: str = Field(description="sent, applied, refused (never in force), returned (it did not prove good), superseded (a newer one came before)")
    reason: str = Field(description="of the gateway, for people; all mistakes of a refused one")
    ended_at: datetime | None = Field(description="when the gateway said what became of it, by its clock")


class ConfigurationWithText(ConfigurationOut):
    """A configuration with its text."""

    model_config = answer({**_CONFIGURATION, "document": _DOCUMENT, "signature": "4pHTz1aOP8s=", "difference": "--- version 6\n+++ version 7\n"})

    document: str
    signature: str = Field(description="Ed25519, base64")
    difference: str = Field(description="unified diff to the last version before it that was in force")


@router.post("/gateways/{gateway}/configurations")
def push_configuration(request: Request, engine: Database, now: Now, news: News, gateway: GatewayName, given: ConfigurationIn) -> ConfigurationOut:
    """Sign a configuration and send it to its gateway. The one that the gateway shall have already stays what it is, with its number."""
    authority, words = authority_of(request), {"actor": given.actor, "note": given.note, "above": given.above}

    def pushed(connection: Connection) -> ConfigurationOut:
        version = configurations.push(connection, authority, gateway, given.document, now, **words)  # type: ignore[arg-type]  # words of three kinds
        return ConfigurationOut.model_validate(configurations.one(connection, gateway, version))

    made = in_transaction(engine, pushed)
    news.tell()
    return made


@router.post("/gateways/{gateway}/configurations/{version}/again")
def push_configuration_again(
    request: Request, engine: Database, now: Now, news: News, gateway: GatewayName, version: Version, given: AgainIn
) -> ConfigurationOut:
    """Send the content of an earlier version once more, as a new version: gateways never take an older number."""
    authority = authority_of(request)

    def pushed(connection: Connection) -> ConfigurationOut:
        made = configurations.push_again(connection, authority, gateway, version, now, actor=given.actor, note=given.note)
        return ConfigurationOut.model_validate(configurations.one(connection, gateway, made))

    out = in_transaction(engine, pushed)
    news.tell()
    return out


@router.get("/gateways/{gateway}/configurations")
def list_configurations(engine: Database, gateway: GatewayName, after: After = None, limit: Limit = 100) -> Page[ConfigurationOut]:
    """Configurations pushed to a gateway, newest first."""
    with reading(engine) as connection:
        return queries.configurations(connection, gateway, after, limit).of(ConfigurationOut)


@router.get("/gateways/{gateway}/configurations/{version}")
def show_configuration(engine: Database, gateway: GatewayName, version: Version) -> ConfigurationWithText:
    """A configuration with its text and what it changes."""
    with reading(engine) as connection:
        row = configurations.one(connection, gateway, version)
        fields: dict[str, Any] = {**row._mapping, "difference": configurations.difference_to_last(connection, row)}  # noqa: SLF001  # SQLAlchemy's public name of it
        return ConfigurationWithText.model_validate(fields)
