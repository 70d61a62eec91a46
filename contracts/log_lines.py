# SPDX-License-Identifier: Apache-2.0
"""How the programs' log lines look, the same for people and for whatever collects them: time, level, part, constant text, fields as key=value."""

from __future__ import annotations

import logging
from typing import Any

_LINE = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_PLAIN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


class FieldsFormatter(logging.Formatter):
    """The constant text of a record followed by its fields as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        fields = " ".join(f"{key}={_quoted(value)}" for key, value in vars(record).items() if key not in _PLAIN_FIELDS)
        line = super().format(record)
        return f"{line} {fields}" if fields else line


def _quoted(value: Any) -> str:
    text = str(value)
    return repr(text) if " " in text or not text else text


def configure_logging(level: str = "info") -> None:
    """Log to stderr in this form, from `level` on."""
    handler = logging.StreamHandler()
    handler.setFormatter(FieldsFormatter(_LINE))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
