# SPDX-License-Identifier: Apache-2.0
"""What a printer complains of: the closed set of its conditions, by the flags of ~HS and the bits of ~HQES, and what a person does about each.

Source: Zebra, Programming Guide for ZPL II (P1099958), ~HS strings 1 and 2, ~HQES tables of error and warning flags.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.printer_zpl.frames import Faults, Status1, Status2

WHAT_TO_DO: Mapping[str, str] = {
    "paper_out": "out of labels: put in a roll and close the head",
    "head_open": "the print head is open: close it",
    "ribbon_out": "out of ribbon: put in a new one",
    "paused": "paused: press the pause key of the printer",
    "buffer_full": "its memory is full of labels to print: look why it does not print",
    "over_temperature": "too hot: it goes on by itself when it has cooled down",
    "under_temperature": "too cold to print: it goes on when it has warmed up",
    "corrupt_memory": "it has lost its settings: set it up again",
    "diagnostic_mode": "it is in the diagnostic mode and prints what it is sent as text: switch it off and on",
    "incomplete_label": "a label was begun and not ended (^XZ is missing): press cancel at the printer",
    "cutter_fault": "the cutter is stuck: free it with the printer switched off",
    "printhead_fault": "the print head is damaged or not connected: have it replaced",
    "firmware_fault": "its firmware is set up wrongly: load it again",
    "paper_jam": "paper is stuck: open it and take the paper out",
    "mark_not_found": "it does not find the gaps or marks between labels: calibrate it",
    "paper_low": "labels are nearly used up: have a roll at hand",
    "calibrate": "it wants to be calibrated for its labels",
    "clean_printhead": "clean the print head",
    "replace_printhead": "the print head is worn: order a new one",
    "label_waiting": "a printed label waits to be taken",
    "other_fault": "it reports a fault that has no name here; see its display",
}
"""Every condition, with what a person does."""

STOPS: tuple[str, ...] = (
    "paper_out",
    "head_open",
    "ribbon_out",
    "paused",
    "over_temperature",
    "under_temperature",
    "cutter_fault",
    "printhead_fault",
    "firmware_fault",
    "paper_jam",
    "mark_not_found",
    "diagnostic_mode",
    "other_fault",
    "label_waiting",
)
"""Those with which nothing is printed, the most telling first."""

_ERRORS: tuple[tuple[int, str], ...] = (
    (0x00000001, "paper_out"),
    (0x00000002, "ribbon_out"),
    (0x00000004, "head_open"),
    (0x00000008, "cutter_fault"),
    (0x00000010, "over_temperature"),  # of the print head
    (0x00000020, "over_temperature"),  # of the motor
    (0x00000040, "printhead_fault"),  # bad element
    (0x00000080, "printhead_fault"),  # not detected
    (0x00000100, "firmware_fault"),
    (0x00000200, "printhead_fault"),  # thermistor open
    (0x00001000, "paper_jam"),  # kiosk: during retract
    (0x00002000, "paper_jam"),  # kiosk: presenter not running
    (0x00004000, "paper_jam"),  # kiosk: paper feed
    (0x00008000, "paper_jam"),  # kiosk: paper path not clear
    (0x00010000, "paused"),
    (0x00020000, "paper_jam"),  # kiosk: retract timed out
    (0x00040000, "mark_not_found"),  # black mark calibration
    (0x00080000, "mark_not_found"),
)
_WARNINGS: tuple[tuple[int, str], ...] = ((0x1, "calibrate"), (0x2, "clean_printhead"), (0x4, "replace_printhead"), (0x8, "paper_low"))
_KNOWN_ERRORS = sum(bit for bit, _ in _ERRORS)


def of_status(first: Status1, second: Status2, *, job_comes: bool) -> dict[str, str]:
    """Conditions that ~HS tells, each with where it stands. `job_comes`: a job is being sent, so that a partial format is no wonder."""
    told = {
        "paper_out": (first.paper_out, "~HS 1b"),
        "paused": (first.paused, "~HS 1c"),
        "buffer_full": (first.buffer_full, "~HS 1f"),
        "diagnostic_mode": (first.diagnostic, "~HS 1g"),
        "incomplete_label": (first.partial_format and not job_comes, "~HS 1h"),
        "corrupt_memory": (first.corrupt_ram, "~HS 1j"),
        "under_temperature": (first.under_temperature, "~HS 1k"),
        "over_temperature": (first.over_temperature, "~HS 1l"),
        "head_open": (second.head_open, "~HS 2o"),
        "ribbon_out": (second.ribbon_out, "~HS 2p"),
        "label_waiting": (second.label_waiting, "~HS 2t"),
    }
    return {condition: code for condition, (active, code) in told.items() if active}


def of_faults(faults: Faults) -> dict[str, str]:
    """Conditions that ~HQES tells, each with its bit."""
    found = {condition: f"~HQES error {bit:08X}" for bit, condition in _ERRORS if faults.errors & bit}
    found |= {condition: f"~HQES warning {bit:08X}" for bit, condition in _WARNINGS if faults.warnings & bit}
    if unnamed := faults.errors & ~_KNOWN_ERRORS:
        found["other_fault"] = f"~HQES error {unnamed:016X}"
    return found


def why_stopped(active: Mapping[str, str]) -> str:
    """What keeps the printer from printing, for people; empty: nothing."""
    return next((WHAT_TO_DO[condition] for condition in STOPS if condition in active), "")
