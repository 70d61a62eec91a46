# SPDX-License-Identifier: Apache-2.0
"""The one rule that turns a Python field name into its name on the wire."""

_WORDS = {"id": "ID", "ids": "IDs", "epc": "EPC", "epcs": "EPCs", "sscc": "SSCC", "gtin": "GTIN"}


def wire_name(field: str) -> str:
    """EPCIS camelCase of a snake_case field: `parent_id` -> `parentID`, `child_epcs` -> `childEPCs`, `epc_list` -> `epcList`."""
    first, *rest = field.split("_")
    return first + "".join(_WORDS.get(word, word.capitalize()) for word in rest)
