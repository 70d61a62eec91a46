# SPDX-License-Identifier: Apache-2.0
"""How the programs' log lines look, the same for people and for whatever collects them.

As text: time, level, part, constant text, fields as key=value. As JSON: one object per line with `time`, `level`, `part`, `event` and, beside them, the fields;
an exception stands in `exception`.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Literal

LogFormat = Literal["text", "json"]
_LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def _fields_of(record: logging.LogRecord) -> dict[str, Any]:
    return {key: value for key, value in vars(record).items() if key not in _PLAIN_FIELDS}


class FieldsFormatter(logging.Formatter):
    """The constant text of a record followed by its fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        fields = " ".join(f"{key}={_quoted(value)}" for key, value in _fields_of(record).items())
        line = super().format(record)
        return f"{line} {fields}" if fields else line


class JsonFormatter(logging.Formatter):
    """One JSON object per record; what JSON does not know is written as text."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line: dict[str, Any] = {"time": at, "level": record.levelname.lower(), "part": record.name, "event": record.getMessage()}
        line |= {key if key not in line else f"{key}_": value for key, value in _fields_of(record).items()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _quoted(value: Any) -> str:
    text = str(value)
    return repr(text) if " " in text or not text else text


def configure_logging(level: str = "info", log_format: LogFormat = "text") -> None:
    """Log to stderr in this form, from `level` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else FieldsFormatter(_LINE))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
