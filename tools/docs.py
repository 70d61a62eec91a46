# SPDX-License-Identifier: Apache-2.0
"""Write what is generated from the code: reference pages, JSON Schema and AsyncAPI, requirement tables, what type checkers know of the simulators.

python -m tools.docs            write (`make docs`)
python -m tools.docs --check    name what is stale, write nothing, exit 1 if anything is
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from contracts import schema
from tools import reference, requirement_pages, sims_stub, support_table
from tools.markdown import between
from tools.source_scan import ROOT


def _readme(name: str, **parts: Callable[[], str]) -> str:
    text = (ROOT / name).read_text(encoding="utf-8")
    for marker, content in parts.items():
        text = between(text, marker, content())
    return text


def _schema(name: str) -> str:
    return schema.text_of(schema.documents()[name])


def generated() -> dict[str, Callable[[], str]]:
    """Path relative to the root -> what makes its text."""
    made: dict[str, Callable[[], str]] = {f"docs/reference/{name}": writer for name, writer in reference.PAGES.items()}
    made["docs/reference/requirements.md"] = requirement_pages.coverage_page
    made |= {f"contracts/generated/{name}": partial(_schema, name) for name in schema.documents()}
    made["firmware_sims/kinds.pyi"] = sims_stub.text
    made["README.md"] = partial(_readme, "README.md", hardware=support_table.english, requirements=requirement_pages.readme_table)
    made["README.zh-CN.md"] = partial(_readme, "README.zh-CN.md", hardware=support_table.chinese, requirements=requirement_pages.readme_table_chinese)
    return made


def stale(path: str) -> bool:
    """Whether a generated file is not what the code says now."""
    file = ROOT / path
    return not file.exists() or file.read_text(encoding="utf-8") != generated()[path]()


def main(arguments: list[str] | None = None) -> int:
    """Write or check; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make docs", description="Write the generated reference pages, schemas and requirement tables.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if anything is stale")
    options = parser.parse_args(arguments)
    outdated = [path for path in generated() if stale(path)]
    for path in outdated:
        print(f"docs: {path} {'is stale' if options.check else 'written'}")
        if not options.check:
            Path(ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_text(generated()[path](), encoding="utf-8")
    return 1 if options.check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
