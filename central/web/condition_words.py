# SPDX-License-Identifier: Apache-2.0
"""Words for what devices say of their condition: the conditions of all drivers, each with what a person does."""

from __future__ import annotations

import gettext
import re
from collections.abc import Mapping

from central.web.words import N_

PRINTERS: Mapping[str, str] = {
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
    "other_fault": N_("it reports a fault that has no name here: see its display"),
}
SCALES: Mapping[str, str] = {
    "scale_error": N_("the scale reports a fault: look at its display, then take everything off and switch it off and on"),
    "scale_stale": N_("the scale answers and tells no weight: look at its display, and whether a menu is open"),
    "unit_unknown": N_("its weights are in no unit that is known here, and none is recorded: set the unit on the scale, or `default_unit` of the device"),
    "scale_fault": N_("the scale reports a fault: switch it off and on"),
    "calibration_due": N_("the scale wants to be calibrated: ask whoever looks after your scales"),
    "rezero_needed": N_("the scale could not find its zero: take everything off and press its zero key"),
}
LIGHTS: Mapping[str, str] = {
    "button_stuck": N_("a button is held down: look what leans on it"),
    "voltage_low": N_("the supply of the lights is too low: look at its power pack and the length of the line"),
    "voltage_high": N_("the supply of the lights is too high: look at its power pack"),
    "system_abnormal": N_("the controller of the lights reports a fault of its own: restart it, and replace it if that does not help"),
}
SENSORS: Mapping[str, str] = {
    "battery_low": N_("a battery is low: change it"),
    "tag_silent": N_("a sensor is not heard any more: look at its battery, and whether it is too far away"),
    "probe_unnamed": N_("there is a probe without a name: give it one in `probes` of the device"),
}
CONDITIONS: Mapping[str, str] = {**PRINTERS, **SCALES, **LIGHTS, **SENSORS}
"""By the condition's name; what a driver adds later is shown with its own words."""

_NAMED: Mapping[str, tuple[re.Pattern[str], str]] = {
    "button_stuck": (re.compile(r"\btag (\d+(?:, \d+)*)"), N_("a button is held down at tag {which}: look what leans on it")),
    "battery_low": (re.compile(r"change the battery of (.+)"), N_("the battery of {which} is low: change it")),
    "tag_silent": (re.compile(r"battery and distance of (.+)"), N_("{which}: not heard any more; look at the battery, and whether it is too far away")),
    "probe_unnamed": (re.compile(r"give them names in `probes`: (.+)"), N_("probes without a name: {which}; give them names in `probes` of the device")),
    "scale_error": (
        re.compile(r"reports a fault \((.+)\); look"),
        N_("the scale reports a fault ({which}): look at its display, then take everything off and switch it off and on"),
    ),
}
"""How a driver's reason names what it is about, and the words with it."""


def condition_text(condition: str, reason: str, translations: gettext.NullTranslations) -> str:
    """A condition in the reader's language, with the names that its reason has; one that is not known here in the words of its gateway."""
    if condition in _NAMED:
        pattern, form = _NAMED[condition]
        if found := pattern.search(reason):
            return translations.gettext(form).format(which=found[1])
    if condition in CONDITIONS:
        return translations.gettext(CONDITIONS[condition])
    return reason or condition.replace("_", " ")
