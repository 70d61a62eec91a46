# SPDX-License-Identifier: Apache-2.0
"""Central's program with a lease of two seconds instead of six, so that tests of taking over need not wait as long as a warehouse would.

python -m tests.integration.quick_central --listen ... --database ... --broker ...
"""

from __future__ import annotations

import sys

from central.ingest import shares

TERM_S, ROUND_S = 2.0, 0.25


def main() -> int:
    # Before anything else of central is loaded: those who use them take them by name.
    shares.TERM_S, shares.ROUND_S = TERM_S, ROUND_S
    from central.command import main as central

    return central(["run", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
