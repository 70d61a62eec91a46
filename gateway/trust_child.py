# SPDX-License-Identifier: Apache-2.0
"""`python -m gateway.trust_child`: what the running gateway has done outside of itself, because it needs `cryptography` (20 MB) or could break on a file.

One question as JSON on standard input, one answer as JSON on standard output: `fault` says in words why not; empty: it is done.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts import signatures
from contracts.enrolment import EnrolmentError
from gateway.config_file import ConfigFileError, load_config
from gateway.trust import TrustError, read_enrolment


def check_configuration(asked: Mapping[str, Any]) -> str:
    """Why a pushed configuration must not be taken over: its signature first, then every mistake in it."""
    try:
        enrolment = read_enrolment(Path(asked["trust_dir"]))
        payload = signatures.configuration_payload(asked["gateway"], asked["site"], asked["version"], asked["document"])
        signatures.verify(enrolment.signing_key, "configuration", payload, asked["signature"])
    except (TrustError, signatures.SignatureError) as error:
        return str(error)
    return dry_run(Path(asked["path"]))


def dry_run(path: Path) -> str:
    """All mistakes of a file, one a line."""
    try:
        load_config(path)
    except ConfigFileError as error:
        return "\n".join(f"{mistake.key}: {mistake.reason}" if mistake.key else mistake.reason for mistake in error.mistakes)
    return ""


def renew(asked: Mapping[str, Any]) -> str:
    """Get another certificate."""
    from gateway.trust_keys import renew as renew_certificate

    try:
        renew_certificate(Path(asked["trust_dir"]))
    except (TrustError, EnrolmentError, OSError) as error:
        return str(error)
    return ""


def check_own_file(asked: Mapping[str, Any]) -> str:
    """Why the gateway's own file must not be taken over."""
    return dry_run(Path(asked["path"]))


_ACTIONS = {"check": check_configuration, "renew": renew, "dry_run": check_own_file}


def main() -> int:
    """Answer one question."""
    asked = json.load(sys.stdin)
    json.dump({"fault": _ACTIONS[asked["action"]](asked)}, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
