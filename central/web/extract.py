# SPDX-License-Identifier: Apache-2.0
"""Every text of the pages that wants a translation. `python -m central.web.extract` brings the Chinese catalogue up to date with them.

New texts are added without translation, changed ones are not guessed at, texts no longer used are dropped; the tests then name what is missing.
"""

from __future__ import annotations

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from central.exceptions.messages import TEMPLATES
from central.exceptions.resolutions import collect_actions
from central.web.languages import CATALOGUE

_PACKAGE = CATALOGUE.parents[3]
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "N_": None}


def source_texts() -> Catalog:
    """The texts of templates and code, the messages that the areas store and the buttons of work orders, as an untranslated catalogue."""
    found = Catalog()
    options = {"templates/**.html": {"newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
    for file, _, text, _, context in sorted(extract_from_dir(_PACKAGE, _METHODS, options, _KEYWORDS), key=lambda row: (row[0], row[1])):
        found.add(text, locations=[(file, 1)], context=context)
    for code, text in TEMPLATES.items():
        found.add(text, locations=[(f"exceptions/{code}", 1)])
    for action in (action for of_kind in collect_actions().values() for action in of_kind):
        found.add(action.label, locations=[(f"actions/{action.code}", 1)])
    return found


def main() -> None:
    """Rewrite the Chinese catalogue with today's texts and the translations that it has."""
    texts = source_texts()
    with CATALOGUE.open("rb") as file:
        known = read_po(file, locale="zh")
    known.update(texts, no_fuzzy_matching=True)
    known.obsolete.clear()
    known.header_comment = "# SPDX-License-Identifier: Apache-2.0\n# Chinese for the pages of Dockline."
    known.fuzzy = False
    with CATALOGUE.open("wb") as file:
        write_po(file, known, width=120, ignore_obsolete=True, include_lineno=False, sort_by_file=True)


if __name__ == "__main__":
    main()
