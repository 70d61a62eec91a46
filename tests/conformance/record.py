# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.conformance.record DRIVER NAME < SKETCH`: a capture of a built-in driver talking to its twin; see gateway/conformance/record.py."""

from __future__ import annotations

import sys

from gateway.conformance.record import main
from tests.conformance import entries

if __name__ == "__main__":
    assert entries.captures()
    sys.exit(main(sys.argv[1:]))
