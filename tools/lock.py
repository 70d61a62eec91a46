# SPDX-License-Identifier: Apache-2.0
"""Write requirements/*.txt from the extras of pyproject.toml: every version pinned, every file's hash, no registry's address.

Run by `make lock`. uv resolves for all platforms at once, so one file serves x86-64 and aarch64.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GROUPS: dict[str, list[str]] = {"test": ["test"], "demo": ["demo"], "central": ["central", "postgres", "zstd"], "gateway": ["zstd"]}
"""Lock file -> extras of pyproject.toml that it holds beside the plain dependencies. The first is the largest and binds the versions of the others."""

HEADER = """\
# Locked dependencies of Dockline, written by `make lock`; do not edit.
# Extras: {extras}. Install with: pip install --require-hashes -r requirements/{group}.txt
"""


def compile_group(group: str, extras: list[str], upgrade: bool) -> None:
    """Write requirements/{group}.txt; versions already locked are kept unless `upgrade`."""
    target = ROOT / "requirements" / f"{group}.txt"
    command = ["uv", "pip", "compile", "pyproject.toml", "requirements/build.in", "--universal", "--python-version", "3.11"]
    command += ["--generate-hashes", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet", "-o", str(target)]
    command += ["--overrides", "requirements/left_out.in"]
    command += [word for extra in extras for word in ("--extra", extra)]
    if group != "test":
        command += ["--constraint", "requirements/test.txt"]
    if upgrade:
        command.append("--upgrade")
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    pins = "".join(line for line in target.read_text().splitlines(keepends=True) if not line.startswith("#"))
    target.write_text(HEADER.format(extras=", ".join(extras) or "none", group=group) + pins)


def main() -> int:
    """Write all locks; `--upgrade` takes the newest versions that pyproject.toml allows."""
    for group, extras in GROUPS.items():
        compile_group(group, extras, "--upgrade" in sys.argv)
        print(f"lock: requirements/{group}.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
