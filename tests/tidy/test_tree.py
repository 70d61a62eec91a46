# SPDX-License-Identifier: Apache-2.0
"""The repository keeps its own house rules: every file has a place, a licence and a reason."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.tidy.tree import ROOT, files, python_files, texts

TOP_LEVEL = {
    ".ci", ".gitignore", "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "README.zh-CN.md", "benchmarks", "central", "contracts", "deploy",
    "dockline.py", "docs", "drivers", "firmware_sims", "gateway", "pyproject.toml", "requirements", "tests", "tools",
}  # fmt: skip
TEST_KINDS = {"acceptance", "browser", "captures", "conformance", "fuzz", "integration", "property", "simulation", "tidy", "unit"}
BINARY_BYTES_MAX = 200_000
SPDX = "# SPDX-License-Identifier: Apache-2.0"
BANNED_NAMES = {"utils", "helpers", "manager", "common", "misc", "base_service"}
SHARED_WORDS = re.compile(r"(?<![\w/.-])/(?:work|root|home/\w+)/")
REGISTRIES = [("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("debian", "org")]
"""In two halves, so that this file does not name them either; project pages of Debian are meant too: a document can say "Debian" as well."""
REGISTRY_HOSTS = re.compile("|".join(re.escape(".".join(halves)) for halves in REGISTRIES))


def test_every_file_lies_in_a_known_place() -> None:
    strangers = sorted({path.parts[0] for path in files()} - TOP_LEVEL)

    assert strangers == [], f"in no-man's-land: {strangers}; move them, or name the new place in tests/tidy/test_tree.py"


def test_every_test_lies_in_a_folder_of_its_kind() -> None:
    kinds = {path.parts[1] for path in files() if path.parts[0] == "tests" and len(path.parts) > 2}

    assert kinds <= TEST_KINDS, sorted(kinds - TEST_KINDS)


def test_every_python_file_begins_with_its_licence() -> None:
    assert [str(path) for path, text in python_files() if not text.startswith(SPDX + "\n")] == []


def test_licence_is_the_whole_apache_text() -> None:
    text = (ROOT / "LICENSE").read_text()

    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_no_file_is_larger_than_a_reviewer_can_carry() -> None:
    allowed = set(tomllib.loads((ROOT / "tests/tidy/large_files.toml").read_text())["large"])
    large = {str(path) for path in files() if (ROOT / path).stat().st_size > BINARY_BYTES_MAX}

    assert large <= allowed, f"above {BINARY_BYTES_MAX} bytes: {sorted(large - allowed)}"
    assert allowed <= large, f"no longer large, take it off the list: {sorted(allowed - large)}"


def test_no_work_is_left_for_later_without_a_reference() -> None:
    pattern = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b(?!\(\S+\))")
    found = [
        f"{path}:{number}"
        for path, text in texts()
        if path.parts[:2] != ("tests", "tidy")
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


def test_no_path_of_a_developers_machine_is_written_down() -> None:
    found = [f"{path}:{number}: {line.strip()[:80]}" for path, text in texts() for number, line in enumerate(text.splitlines(), 1) if SHARED_WORDS.search(line)]

    assert [line for line in found if not line.startswith("tests/tidy/")] == []


def test_no_package_registry_is_named() -> None:
    found = [f"{path}: {match.group()}" for path in files() for match in REGISTRY_HOSTS.finditer((ROOT / path).read_bytes().decode("utf-8", errors="ignore"))]

    assert found == []


def test_locks_hold_a_hash_for_every_package() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        pins = re.split(r"\n(?=[a-z0-9])", lock.read_text().partition("\n\n")[2] or lock.read_text())
        packages = [pin for pin in pins if "==" in pin.splitlines()[0]]
        assert packages, lock.name
        assert [pin.splitlines()[0] for pin in packages if "--hash=sha256:" not in pin] == [], lock.name


def test_no_module_is_named_after_nothing() -> None:
    assert [str(path) for path in files() if path.suffix == ".py" and (path.stem in BANNED_NAMES or path.parent.name in BANNED_NAMES)] == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in files() if path.parts[0] == "tests" and path.suffix == ".py"}

    assert sorted(str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()) == []


def test_changelog_names_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_every_decision_has_all_its_parts() -> None:
    records = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    parts = ["Date:", "Status:", "## Context", "## Decision", "## Consequences", "## How we will notice that we were wrong"]

    assert [record.name[:4] for record in records] == [f"{number:04}" for number in range(1, len(records) + 1)]
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert [part for part in parts if part not in text] == [], record.name


def test_every_link_in_the_documents_leads_somewhere() -> None:
    broken = []
    for path, text in texts():
        if path.suffix == ".md":
            targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", text)
            broken += [f"{path}: {target}" for target in targets if not (ROOT / path.parent / target).exists()]

    assert broken == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = {match for name in ("README.md", "README.zh-CN.md") for match in re.findall(r"`?make ([a-z-]+)", (ROOT / name).read_text(encoding="utf-8"))}

    assert named
    assert named <= targets, sorted(named - targets)


def test_both_readmes_have_the_same_headings_in_number() -> None:
    english, chinese = (
        [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if re.match(r"#+ ", line)] for name in ("README.md", "README.zh-CN.md")
    )

    assert len(english) == len(chinese), (english, chinese)


def test_ci_runs_what_the_readme_tells_people_to_run() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    assert Path(ROOT / ".ci" / "run").stat().st_mode & 0o111
    for command in re.findall(r"^make [a-z-]+", script, flags=re.MULTILINE):
        assert f"`{command}`" in (ROOT / "README.md").read_text(), command
