# SPDX-License-Identifier: Apache-2.0
"""Print jobs: labels that a gateway prints, and what became of each. A printer is named `host:port`, or `gateway/station` for one behind a gateway.

What is sent straight to host:port is no job: nothing more is heard of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, case, func, select, text, update

from central.bulk import among
from central.database import insert_or_leave
from central.errors import ConflictError, DomainError, NotFoundError
from central.exceptions import service as exceptions
from central.exceptions.messages import message
from central.facts import document_id
from central.fleet import service as fleet
from central.fleet.tables import command, gateway
from central.ingest.registry import EventContext
from central.paging import Page, down, page
from central.shipping.tables import JOB_SENT, print_job
from contracts import wire
from contracts.commands import PrintLabel
from contracts.events import CommandAnswered, LabelPrinted

PREFIX = "print:"
PRINT_WITHIN = timedelta(hours=1)
"""A label that could not be given to its printer for so long is not wanted any more by whoever stood there (chosen)."""
HEARD_WITHIN = timedelta(hours=8)
"""A job of which a gateway that took it says nothing for a whole shift is somebody's to look for: the printer waits for paper, or the gateway is no more."""
_DATA_BYTES_MAX = 131_072
"""A label with its Chinese as graphics takes 20,000 to 60,000 bytes; every broker takes a message of this size."""


class LabelPoint(NamedTuple):
    """A printer behind a gateway."""

    gateway: str
    station: str


class Wanted(NamedTuple):
    """What shall be printed; `title` says for people what it is."""

    data: bytes
    title: str
    copies: int = 1
    actor: str = "api"
    again_of: str = ""


def label_point(printer: str) -> LabelPoint | None:
    """The gateway and station that a printer's name says; None: it is an address of the network."""
    name, slash, station = printer.partition("/")
    return LabelPoint(name, station) if slash and name and station and "/" not in station else None


def ask(connection: Connection, key: str, point: LabelPoint, wanted: Wanted, now: datetime) -> str:
    """Have a gateway print it; returns the job's id. The same `key` again changes nothing.

    Raises: UnknownGatewayError. ConflictError: the key is used for another job. DomainError: too large to be sent.
    """
    if len(wanted.data) > _DATA_BYTES_MAX:
        size = len(wanted.data)
        raise DomainError("label_too_large", f"the labels have {size} bytes and a gateway is sent {_DATA_BYTES_MAX} at once; print fewer at a time")
    job_id = PREFIX + key
    known = connection.execute(select(print_job.c.id).where(print_job.c.id == job_id)).scalar()
    if known is not None:
        return job_id
    asked = PrintLabel(
        command_id=job_id,
        station=point.station,
        deadline_at=now + PRINT_WITHIN,
        data=wanted.data.decode(),
        copies=wanted.copies,
        title=wanted.title,
    )
    fleet.send(connection, point.gateway, asked, now)
    site = connection.execute(select(gateway.c.site).where(gateway.c.id == point.gateway)).scalar_one()
    values = {"site": site, "gateway": point.gateway, "station": point.station, "title": wanted.title, "copies": wanted.copies, "state": "sent"}
    made = {"actor": wanted.actor, "again_of": wanted.again_of, "made_at": now}
    connection.execute(insert_or_leave(connection, print_job).values(id=job_id, **values, **made))
    return job_id


def again(connection: Connection, key: str, job_id: str, actor: str, now: datetime) -> str:
    """Print a job once more, because a person looked and wants it; returns the new job's id. Its work order is done with that.

    Raises: NotFoundError. ConflictError: it is not over yet, or somebody else has it printed again just now.
    """
    if connection.execute(select(print_job.c.id).where(print_job.c.id == PREFIX + key)).scalar() is not None:
        return PREFIX + key
    row = job_row(connection, job_id)
    if (coming := connection.execute(_agains(job_id, "sent").limit(1)).scalar()) is not None:
        raise ConflictError("job_comes_again", f"print job {job_id} is being printed again already, as {coming}; wait until that is over")
    if row.state == "sent":
        raise ConflictError("job_not_over", f"print job {job_id} is {row.state}; wait until it is over, or see what its printer waits for")
    asked = wire.decode_command(connection.execute(select(command.c.body).where(command.c.id == job_id)).scalar_one())
    if not isinstance(asked, PrintLabel):
        raise NotFoundError("unknown_print_job", f"print job {job_id} is not known; see GET /api/v1/print-jobs")
    wanted = Wanted(asked.data.encode(), asked.title, asked.copies, actor, job_id)
    new = ask(connection, key, LabelPoint(row.gateway, row.station), wanted, now)
    exceptions.settle(connection, ("label_not_printed", "label_doubtful"), job_id, row.site, f"{actor} has it printed again", now)
    return new


def _agains(job_id: str, *states: str) -> Select[tuple[str]]:
    """The jobs that print this one once more."""
    return select(print_job.c.id).where(print_job.c.again_of == job_id, print_job.c.state.in_(states))


def next_again(connection: Connection, job_id: str) -> str:
    """The key of the next time that a job is printed again, the same for all who press at once."""
    times = connection.execute(select(func.count()).select_from(print_job).where(print_job.c.again_of == job_id)).scalar_one()
    return document_id("PrintAgain", job_id, str(times))


def came_again(connection: Connection, job_ids: Collection[str]) -> set[str]:
    """Which of these somebody had printed again."""
    return set(connection.execute(select(print_job.c.again_of).where(among(connection, print_job.c.again_of, job_ids))).scalars())


def found(connection: Connection, job_id: str, now: datetime) -> None:
    """A person found the labels of a job of which nobody knew."""
    mine = (print_job.c.id == job_id) & (print_job.c.state == "unknown")
    connection.execute(update(print_job).where(mine).values(state="printed", reason="somebody found it", ended_at=now))


_SHOWN_STATE = case(((print_job.c.state == "sent") & (command.c.state == "unanswered"), "unanswered"), else_=print_job.c.state)
"""`unanswered`: its gateway did not answer before the deadline."""


def _query() -> Any:
    columns = [column for column in print_job.c if column.name != "state"]
    return select(*columns, _SHOWN_STATE.label("state")).outerjoin(command, command.c.id == print_job.c.id)


def job_row(connection: Connection, job_id: str) -> Row[Any]:
    """One job as it is shown. Raises: NotFoundError."""
    row = connection.execute(_query().where(print_job.c.id == job_id)).one_or_none()
    if row is None:
        raise NotFoundError("unknown_print_job", f"print job {job_id} is not known; see GET /api/v1/print-jobs")
    return row


def jobs(connection: Connection, site: str | None, state: str | None, after: str | None, limit: int) -> Page[dict[str, Any]]:
    """Jobs, newest first. Raises: BadCursorError."""
    query = _query()
    query = query if site is None else query.where(print_job.c.site == site)
    query = query if state is None else query.where(state == _SHOWN_STATE)
    return page(connection, query, [down(print_job.c.made_at), down(print_job.c.id)], after, limit)


def label_printed(connection: Connection, context: EventContext, event: LabelPrinted) -> None:
    """A gateway tells what became of a job; one that is not known was asked for by nobody here and stays a record."""
    values = {"state": event.outcome, "labels": event.labels, "reason": event.reason, "device": event.device, "ended_at": event.event_time}
    exceptions.settle(connection, ("label_doubtful",), event.command_id, context.site, f"the gateway told later: {event.outcome}", context.now)
    _over(connection, context, event.command_id, values)


def silent(connection: Connection, now: datetime, at_most: int) -> Sequence[str]:
    """Jobs whose gateway did not answer before their deadline, and those of which nothing was heard since it took them."""
    query = select(print_job.c.id).outerjoin(command, command.c.id == print_job.c.id).where(text(JOB_SENT))
    query = query.where((command.c.state == "unanswered") | (print_job.c.made_at <= now - HEARD_WITHIN))
    return connection.execute(query.order_by(print_job.c.made_at).limit(at_most)).scalars().all()


def give_up(connection: Connection, job_id: str, now: datetime) -> None:
    """Nobody knows, and a person is asked. What the gateway tells later counts all the same."""
    answered = connection.execute(select(command.c.state).where(command.c.id == job_id)).scalar() == "done"
    reason = "its gateway has it and told nothing more for eight hours" if answered else "its gateway did not answer"
    mine = (print_job.c.id == job_id) & (print_job.c.state == "sent")
    row = connection.execute(update(print_job).where(mine).values(state="unknown", reason=reason, ended_at=now).returning(print_job)).one_or_none()
    if row is not None:
        _ask_person(connection, row, None, now)


def command_answered(connection: Connection, context: EventContext, event: CommandAnswered) -> None:
    """A gateway that does not take a job: it is not printed."""
    if event.outcome != "done":
        values = {"state": "failed", "labels": 0, "reason": event.reason or event.outcome, "ended_at": event.event_time}
        _over(connection, context, event.command_id, values)


def _over(connection: Connection, context: EventContext, job_id: str, values: dict[str, Any]) -> None:
    waits = (print_job.c.state == "sent") | ((print_job.c.state == "unknown") & (print_job.c.device == ""))
    mine = (print_job.c.id == job_id) & (print_job.c.gateway == context.gateway) & waits
    row = connection.execute(update(print_job).where(mine).values(**values).returning(print_job)).one_or_none()
    if row is not None and row.state in ("failed", "unknown") and connection.execute(_agains(job_id, "sent", "printed", "taken").limit(1)).scalar() is None:
        _ask_person(connection, row, context.fact_id, context.now)


def _ask_person(connection: Connection, row: Row[Any], fact_id: str | None, now: datetime) -> None:
    said = {"station": row.station, "title": row.title or row.id, "reason": row.reason}
    told = message("label_not_printed", **said) if row.state == "failed" else message("label_doubtful", **said)
    exceptions.ask_person(connection, told, row.id, fact_id, now, site=row.site, station=row.station)
