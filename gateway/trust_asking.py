# SPDX-License-Identifier: Apache-2.0
"""How the running gateway asks its child process, and keeps its certificate from ending."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from gateway.clock import Now
from gateway.trust import TrustError, as_question, is_renewal_due, read_answer, read_enrolment, renewal_pause_s

_WITHIN_S = 60.0
_FIRST_LOOK_S = 20.0
"""Chosen: at the start a gateway has more urgent things to do."""
_ROOT = Path(__file__).resolve().parents[1]

log = logging.getLogger(__name__)


async def ask_child(action: str, **fields: Any) -> str:
    """What the child process finds wrong; empty: nothing, it is done. Raises: TrustError: it could not be asked."""
    try:
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.trust_child",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=_ROOT,
        )
    except OSError as error:
        raise TrustError(f"a child process cannot be started: {error}") from error
    try:
        async with asyncio.timeout(_WITHIN_S):
            out, complaint = await child.communicate(as_question(action, **fields))
    except TimeoutError:
        raise TrustError(f"the child process did not answer within {_WITHIN_S:g} s") from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode:
        raise TrustError(f"the child process ended with {child.returncode}: {complaint.decode(errors='replace').strip().rpartition(chr(10))[2]}")
    return str(read_answer(out).get("fault", ""))


async def keep_certificate(trust_dir: str, now: Now, on_until: Callable[[datetime | None], None]) -> NoReturn:
    """Renew the certificate at two thirds of its life, for ever. The uplink reads the new one at its next connection. `on_until` hears when it ends."""
    failures, pause_s = 0, _FIRST_LOOK_S
    while not trust_dir:
        await asyncio.Event().wait()
    while True:
        try:
            enrolment = await asyncio.to_thread(read_enrolment, Path(trust_dir))
            on_until(enrolment.certificate_until)
            await asyncio.sleep(pause_s)
            if is_renewal_due(enrolment, now().utc):
                fault = await ask_child("renew", trust_dir=trust_dir)
                failures = failures + 1 if fault else 0
                _tell(fault, enrolment.certificate_until)
                enrolment = await asyncio.to_thread(read_enrolment, Path(trust_dir))
            pause_s = renewal_pause_s(enrolment, now().utc, failures)
        except TrustError as error:
            failures += 1
            log.warning("certificate not looked after", extra={"reason": str(error)})
            await asyncio.sleep(_FIRST_LOOK_S * failures)


def _tell(fault: str, until: datetime) -> None:
    if fault:
        log.warning("certificate not renewed", extra={"reason": fault, "ends": until.isoformat()})
    else:
        log.info("certificate renewed", extra={"the_one_before_ends": until.isoformat()})
