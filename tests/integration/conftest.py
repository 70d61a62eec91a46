# SPDX-License-Identifier: Apache-2.0
"""Databases and brokers for integration tests: each test that asks for one runs on the embedded kind and on the production kind."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from central.database import open_engine
from central.migrations import upgrade
from tests import servers

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A PostgreSQL server with a migrated database `template_dockline`; yields the URL of its database `postgres`."""
    with servers.postgres() as url:
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE template_dockline"))
        admin.dispose()
        migrated = open_engine(make_url(url).set(database="template_dockline").render_as_string(hide_password=False))
        upgrade(migrated)
        migrated.dispose()
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database."""
    path = tmp_path / "dockline.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


class Databases:
    """Copies of `template_dockline`: the next one is made, and the one before is dropped, while a test runs."""

    def __init__(self, server: str) -> None:
        self._server = make_url(server)
        self._admin = create_engine(server, isolation_level="AUTOCOMMIT")
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="databases")
        self._dropped: list[Future[None]] = []
        self._next = self._worker.submit(self._make)

    def take(self) -> str:
        """The URL of a database of one's own."""
        name, self._next = self._next.result(), self._worker.submit(self._make)
        return self._server.set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Its test is over."""
        self._dropped.append(self._worker.submit(self._say, f"DROP DATABASE {make_url(url).database} WITH (FORCE)"))

    def close(self) -> None:
        """Wait for what is under way; a database that could not be dropped is an error."""
        self._worker.shutdown()
        self._admin.dispose()
        for each in self._dropped:
            each.result()

    def _make(self) -> str:
        name = f"test_{next(_numbers)}"
        self._say(f"CREATE DATABASE {name} TEMPLATE template_dockline")
        return name

    def _say(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: str) -> Iterator[Databases]:
    """Where `postgres_url` comes from."""
    databases = Databases(postgres_server)
    yield databases
    databases.close()


@pytest.fixture
def postgres_url(postgres_databases: Databases) -> Iterator[str]:
    """A migrated, empty PostgreSQL database, dropped afterwards."""
    url = postgres_databases.take()
    yield url
    postgres_databases.drop(url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated, empty database: SQLite, then a real PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on `database_url`."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["iotcore", pytest.param("mosquitto", marks=[pytest.mark.mosquitto, pytest.mark.slow])])
def broker(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a broker: the embedded one, then Mosquitto."""
    with servers.broker_of(request.param) as url:
        yield url
