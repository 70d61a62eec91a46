# SPDX-License-Identifier: Apache-2.0
"""The words of the fleet's pages."""

from __future__ import annotations

import gettext
from collections.abc import Mapping

from central.web.condition_words import condition_text
from central.web.gateway_findings import Finding
from central.web.words import N_

STATES: Mapping[str, str] = {"away": N_("away"), "wants": N_("wants somebody to look"), "well": N_("all well"), "revoked": N_("revoked")}
STATE_SIGNS: Mapping[str, str] = {"away": "off", "wants": "doubt", "well": "good", "revoked": "shut"}
FINDINGS: Mapping[str, str] = {
    "revoked": N_("All trust in it was taken back: nothing that it says counts. A new code enrols it again."),
    "away": N_("It does not answer: look at its power and its network. What happens there is told when it is back; {pending} events waited when last heard."),
    "safe_mode": N_("Safe mode: it leaves its devices alone, because it could not stay up with them or was told to."),
    "config_refused": N_("It refused configuration {version}; {in_force} stays in force. Mend the configuration and send it again."),
    "config_returned": N_("Configuration {version} did not work there, so it went back to {in_force} by itself. Mend the configuration and send it again."),
    "config_fault": N_("Its newest configuration is not in force, {in_force} is."),
    "drift": N_("Configuration {version} was sent and {in_force} is still in force."),
    "on_its_way": N_("Configuration {version} is on its way; {in_force} is in force."),
    "own_changed": N_("What is in force is not what was sent as {in_force}: somebody changed its file there."),
    "device_another": N_("{device}: another one answers at its place, serial {found} instead of {expected}."),
    "device_given_up": N_("{device}: given up, tried only now and then."),
    "device_down": N_("{device}: does not answer."),
    "device_condition": N_("{device}: {condition}."),
    "device_note": N_("{device}: {condition}."),
    "certificate_ended": N_("Its certificate has ended: enrol it anew with a code."),
    "certificate_ends": N_("Its certificate ends in {days} days and could not be renewed: see that it reaches this service over HTTPS."),
    "clock_unsynced": N_("Its clock is not synchronised: what it says is dated later. See that it reaches a time server."),
    "clock_holdover": N_("Its clock is not synchronised any more and goes on by itself."),
    "backlog": N_("{pending} events wait there, the oldest for {minutes} min: see whether its way to here is slow."),
    "disk": N_("Its disk is almost full: {mb} MB are free."),
    "card": N_("Its card lasts another {days} days at this rate of writing: have a new one ready."),
    "gap": N_("{count} events ({lane}) never came: {why}."),
    "outbox": N_("What it keeps for this service was damaged or lost when it last began."),
    "restarted": N_("It began anew: {because}."),
}
"""What each finding says."""
RESTARTS: Mapping[str, str] = {
    "first": N_("its first start"),
    "clean": N_("somebody stopped and started it"),
    "update": N_("it was updated"),
    "configuration": N_("its configuration needed it"),
    "safe mode over": N_("it tried again after safe mode"),
    "power": N_("the power went off"),
    "watchdog": N_("it hung and was started anew"),
    "killed": N_("its program was killed"),
    "crash": N_("its program broke"),
}
GAPS: Mapping[str, str] = {
    "outbox_lost": N_("its card was replaced, lost or wiped before they were sent"),
    "image_restored": N_("an old image of its card was put back, and they were newer"),
    "central_restored": N_("this service was restored from an older copy, and the gateway had deleted them"),
}
LANES: Mapping[str, str] = {"movements": N_("movements of goods"), "telemetry": N_("measured values")}
CLOCKS: Mapping[str, str] = {"synced": N_("synchronised"), "holdover": N_("goes on by itself"), "unsynced": N_("not synchronised"), "": N_("not known")}
DEVICE_STATES: Mapping[str, str] = {
    "up": N_("works"),
    "down": N_("does not answer"),
    "given_up": N_("given up"),
    "another": N_("another one answers"),
    "gone": N_("not configured any more"),
}
DEVICE_SIGNS: Mapping[str, str] = {"up": "on", "down": "off", "given_up": "bad", "another": "doubt", "gone": "minus"}
VERSION_STATES: Mapping[str, str] = {
    "sent": N_("on its way"),
    "applied": N_("worked"),
    "refused": N_("refused"),
    "returned": N_("did not work, it went back"),
    "superseded": N_("a newer one came before"),
}
VERSION_SIGNS: Mapping[str, str] = {"sent": "out", "applied": "good", "refused": "bad", "returned": "bad", "superseded": "minus"}
SWAP_STATES: Mapping[str, str] = {
    "pending": N_("asked; the gateway has not answered yet"),
    "refused": N_("the gateway did not do it"),
    "expired": N_("the gateway heard of it too late; ask again"),
    "unanswered": N_("the gateway did not answer; ask again when it is back"),
}
PURPOSES: Mapping[str, str] = {
    "door": N_("what may pass"),
    "picking": N_("what is picked"),
    "receiving": N_("what comes"),
    "shipping": N_("what leaves"),
    "none": N_("nothing is checked"),
}
LIST_STATES: Mapping[str, str] = {
    "newest": N_("has the newest list"),
    "on_its_way": N_("the newest list is on its way"),
    "refused": N_("the gateway refused the newest list"),
    "no_answer": N_("the gateway did not take the newest list"),
    "no_gateway": N_("no gateway hosts it"),
    "too_long": N_("the list is too long; nothing is checked"),
    "none": N_("no list was made yet"),
}
ANSWERS: Mapping[str, str] = {
    "sent": N_("It was sent. What the gateway makes of it comes up below."),
    "as_it_is": N_("That is what the gateway shall have already; nothing was sent."),
    "swap": N_("The gateway was asked. What became of it comes up at the device."),
}
"""What a page says after a button was pressed."""
HOW: Mapping[str, str] = {"code": N_("by a code"), "renewal": N_("renewed")}


def version_text(version: int, translations: gettext.NullTranslations) -> str:
    """What a configuration is called; 0 is the file that the gateway was set up with."""
    return translations.gettext("version %(number)s") % {"number": version} if version else translations.gettext("its own file")


def finding_text(finding: Finding, translations: gettext.NullTranslations) -> str:
    """A finding in the reader's language."""
    values: dict[str, str] = {}
    said = dict(finding.params)
    for name, value in finding.params:
        known = {"why": GAPS, "because": RESTARTS, "lane": LANES}.get(name, {})
        if name == "in_force":
            values[name] = version_text(int(value), translations)
        elif name == "condition":
            values[name] = condition_text(str(value), str(said.get("reason", "")), translations)
        else:
            values[name] = translations.gettext(known[str(value)]) if value in known else str(value)
    return translations.gettext(FINDINGS[finding.code]).format(**values)


def restart_text(reason: str, translations: gettext.NullTranslations) -> str:
    """Why a gateway began anew; a reason that is not known here as it came."""
    code = reason.partition(":")[0]
    return translations.gettext(RESTARTS[code]) if code in RESTARTS else reason
