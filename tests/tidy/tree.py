# SPDX-License-Identifier: Apache-2.0
"""The files of the project as git knows them: tracked, or new and not ignored."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".in",
    ".json",
    ".yml",
    ".yaml",
    ".conf",
    ".service",
    ".html",
    ".css",
    ".js",
    ".po",
    ".csv",
    ".svg",
    ".ini",
    ".mako",
}


@cache
def files() -> tuple[Path, ...]:
    """All files of the project relative to its root, sorted. A file that was just deleted is left out."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True).stdout
    return tuple(sorted(path for name in listed.decode().split("\0") if name and (ROOT / (path := Path(name))).is_file()))


def texts() -> list[tuple[Path, str]]:
    """The text files with their content; the licence and the locks are other people's words."""
    chosen = [path for path in files() if path.suffix in TEXT_SUFFIXES or path.name in ("Makefile", "Dockerfile", "run")]
    return [(path, (ROOT / path).read_text(encoding="utf-8")) for path in chosen if path.parts[0] != "requirements"]


def python_files(*folders: str) -> list[tuple[Path, str]]:
    """Python files, of these top-level folders when any are named."""
    return [(path, text) for path, text in texts() if path.suffix == ".py" and (not folders or path.parts[0] in folders)]
