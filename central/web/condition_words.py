# SPDX-License-Identifier: Apache-2.0
"""Words for what devices say of their condition: the known conditions of all drivers, each with what a person does."""

from __future__ import annotations

import gettext
from collections.abc import Mapping

from central.web.words import N_

CONDITIONS: Mapping[str, str] = {
    "paper_out": N_("out of labels: put in a roll and close the head"),
    "head_open": N_("the print head is open: close it"),
    "ribbon_out": N_("out of ribbon: put in a new one"),
    "paused": N_("paused: press its pause key"),
    "buffer_full": N_("its memory is full of labels: look why it does not print"),
    "over_temperature": N_("too hot: it goes on when it has cooled down"),
    "under_temperature": N_("too cold: it goes on when it has warmed up"),
    "incomplete_label": N_("a label was begun and not ended: press its cancel key"),
    "cutter_fault": N_("the cutter is stuck: switch it off and free it"),
    "printhead_fault": N_("the print head is damaged or not connected: have it replaced"),
    "firmware_fault": N_("its firmware is set up wrongly: have it loaded again"),
    "corrupt_memory": N_("it has lost its settings: set it up again"),
    "diagnostic_mode": N_("it is in the diagnostic mode: switch it off and on"),
    "paper_jam": N_("paper is stuck: open it and take the paper out"),
    "mark_not_found": N_("it does not find the gaps between labels: calibrate it"),
    "paper_low": N_("labels are nearly used up: have a roll at hand"),
    "calibrate": N_("it wants to be calibrated for its labels"),
    "clean_printhead": N_("the print head wants to be cleaned"),
    "replace_printhead": N_("the print head is worn: order a new one"),
    "label_waiting": N_("a printed label waits to be taken"),
    "battery_low": N_("its battery is low: change it"),
    "button_stuck": N_("its button is held down: look what leans on it"),
}
"""By the condition's name; what a driver adds later is shown with its own words."""


def condition_text(condition: str, reason: str, translations: gettext.NullTranslations) -> str:
    """A condition in the reader's language; one that is not known here in the words of its gateway."""
    if condition in CONDITIONS:
        return translations.gettext(CONDITIONS[condition])
    return reason or condition.replace("_", " ")
