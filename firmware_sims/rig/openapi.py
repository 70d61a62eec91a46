# SPDX-License-Identifier: Apache-2.0
"""What the control of a rig says of itself: an OpenAPI 3.1 document with a description and an example of each request and answer."""

from __future__ import annotations

from typing import Any

_SHOWN = {
    "id": "scale-1",
    "device": "scale_sics",
    "listens": "127.0.0.1:4001",
    "host": "127.0.0.1",
    "port": 4001,
    "has_client": True,
    "is_dark": False,
    "seed": 7,
    "faults": {"drop": "0.01"},
    "lost_to_client": [113],
    "lost_to_device": [],
    "changed_to_client": [],
    "changed_to_device": [],
    "conditions": ["load"],
    "stimuli": {"place": {"weight_g": "a number"}},
    "state": {"weight_g": 12500.0},
}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _places(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "integer"}, "description": description}


_VALUE = {"type": ["string", "number", "boolean", "array"]}
_SCHEMAS: dict[str, Any] = {
    "Where": {
        "type": "object",
        "required": ["id", "device", "listens"],
        "properties": {
            "id": _text("Name of the device in the file."),
            "device": _text("Which simulator it is."),
            "listens": _text("Address and port, or the path of a pty or pipe."),
            "host": _text("Address, where it is reached over TCP."),
            "port": {"type": "integer", "description": "TCP port."},
            "path": _text("What a driver opens, where it is a pty or a pipe."),
        },
    },
    "Rig": {
        "type": "object",
        "required": ["seed", "sims", "rooms", "doors"],
        "properties": {
            "seed": {"type": "integer", "description": "Given to `dockline sims up --seed`, the same bytes are hit by the faults again."},
            "sims": {"type": "array", "items": {"$ref": "#/components/schemas/Where"}, "description": "The devices, in the order of the file."},
            "rooms": {"type": "array", "items": {"type": "string"}, "description": "Rooms of the world; they are shown and changed like devices."},
            "doors": {"type": "array", "items": {"type": "string"}, "description": "Dock doors of the world; pallets pass through them."},
        },
        "example": {"seed": 7, "sims": [{name: _SHOWN[name] for name in ("id", "device", "listens", "host", "port")}], "rooms": [], "doors": []},
    },
    "Shown": {
        "type": "object",
        "required": ["id", "device", "conditions", "stimuli", "state"],
        "properties": {
            "id": _text("Name of the device or room in the file."),
            "device": _text("Which simulator it is; `room` for a room."),
            "listens": _text("Where it is reached."),
            "host": _text("Address."),
            "port": {"type": "integer", "description": "TCP port."},
            "path": _text("Path of its pty or pipe."),
            "has_client": {"type": "boolean", "description": "Whether somebody is connected."},
            "is_dark": {"type": "boolean", "description": "Whether its supply has failed just now (brown_out)."},
            "seed": {"type": "integer", "description": "Decides which bytes its faults hit."},
            "faults": {"type": "object", "additionalProperties": {"type": "string"}, "description": "What is wrong with its line."},
            "lost_to_client": _places("Positions in what it said of the bytes that were lost, the first thousand."),
            "lost_to_device": _places("The same of what it was told."),
            "changed_to_client": _places("Positions of the bytes of which a bit was changed."),
            "changed_to_device": _places("The same of what it was told."),
            "conditions": {"type": "array", "items": {"type": "string"}, "description": "What can be set."},
            "stimuli": {"type": "object", "description": "What can happen to it, and what each takes.", "additionalProperties": {"type": "object"}},
            "state": {"type": "object", "description": "How it stands.", "additionalProperties": True},
        },
        "example": _SHOWN,
    },
    "Kind": {
        "type": "object",
        "required": ["device", "about", "options", "conditions", "stimuli"],
        "properties": {
            "device": _text("Name of the simulator."),
            "about": _text("What it simulates."),
            "options": {"type": "object", "additionalProperties": {"type": "string"}, "description": "What it can be made with."},
            "conditions": {"type": "object", "additionalProperties": {"type": "string"}, "description": "What can be set, each with examples."},
            "stimuli": {"type": "array", "items": {"type": "string"}, "description": "What can happen to it."},
        },
        "example": {"device": "scanner_serial", "about": "The scanner.", "options": {"suffix": "text"}, "conditions": {}, "stimuli": ["scan"]},
    },
    "Problem": {
        "type": "object",
        "required": ["title", "status", "detail"],
        "properties": {
            "type": _text("about:blank"),
            "title": _text("What the status means."),
            "status": {"type": "integer", "description": "The status again."},
            "detail": _text("What is wrong and what is right."),
        },
        "example": {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no 'scale-9'; there are: scale-1"},
    },
}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _answers(schema: dict[str, Any], description: str, *problems: int) -> dict[str, Any]:
    answers: dict[str, Any] = {"200": {"description": description, "content": {"application/json": {"schema": schema}}}}
    words = {400: "The body is no JSON.", 401: "The key is missing or wrong.", 403: "Asked by a page of the web.", 404: "There is no such part."}
    words |= {413: "The body is too long.", 422: "There is no such name, or not a value for it.", 503: "The rig is being switched off."}
    for status in (*problems, 401, 403, 413, 503):
        answers[str(status)] = {"description": words[status], "content": {"application/problem+json": {"schema": _ref("Problem")}}}
    return answers


def _body(description: str, example: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": _VALUE, "example": example}
    return {"description": description, "required": True, "content": {"application/json": {"schema": schema, "example": example}}}


_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "description": "Name of a device or room in the file.", "example": "scale-1"}
_STIMULUS = {"name": "stimulus", "in": "path", "required": True, "schema": {"type": "string"}, "description": "What happens.", "example": "place"}

DOCUMENT: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {
        "title": "Dockline simulators",
        "version": "1",
        "description": "Changes simulated warehouse devices while they run: what is on the scale, what the scanner sees, what is wrong with the line.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    },
    "paths": {
        "/v1/devices": {
            "get": {
                "operationId": "listKinds",
                "summary": "Which simulators there are",
                "description": "Every simulator with its options, conditions and stimuli, whether it runs or not.",
                "responses": _answers({"type": "array", "items": _ref("Kind")}, "All simulators."),
            }
        },
        "/v1/sims": {
            "get": {
                "operationId": "listSims",
                "summary": "What runs, and where it listens",
                "description": "The devices and rooms of the file, and the seed of the faults.",
                "responses": _answers(_ref("Rig"), "The rig."),
            }
        },
        "/v1/sims/{id}": {
            "get": {
                "operationId": "showSim",
                "summary": "One device or room",
                "description": "Where it listens, what can be set and done, how it stands, what is wrong with its line and which bytes were hit.",
                "parameters": [_ID],
                "responses": _answers(_ref("Shown"), "The device or room.", 404),
            }
        },
        "/v1/sims/{id}/conditions": {
            "patch": {
                "operationId": "setConditions",
                "summary": "Set conditions",
                "description": "Each as people write it, with its unit. Nothing is set when one of the names is unknown.",
                "parameters": [_ID],
                "requestBody": _body("Conditions and what they are to be.", {"load": "12.5kg"}),
                "responses": _answers(_ref("Shown"), "The device or room afterwards.", 400, 404, 422),
            }
        },
        "/v1/sims/{id}/stimuli/{stimulus}": {
            "post": {
                "operationId": "doStimulus",
                "summary": "Let something happen",
                "description": "A load is put on, a code is scanned, a button pressed. What a stimulus takes is told by the device itself.",
                "parameters": [_ID, _STIMULUS],
                "requestBody": _body("What the stimulus takes.", {"weight_g": 12500}),
                "responses": _answers(_ref("Shown"), "The device or room afterwards.", 400, 404, 422),
            }
        },
        "/v1/sims/{id}/faults": {
            "patch": {
                "operationId": "setFaults",
                "summary": "Make the line bad",
                "description": "Faults that stay: drop, corrupt, duplicate, reorder, hang_up (probabilities), delay, jitter, chunk, mute, refuse. "
                "Faults that happen once: hang_up=now, half_open=now, brown_out=2s, clock=2000.",
                "parameters": [_ID],
                "requestBody": _body("Faults and how much of each.", {"drop": "0.01", "delay": "50ms"}),
                "responses": _answers(_ref("Shown"), "The device afterwards.", 400, 404, 422),
            },
            "delete": {
                "operationId": "clearFaults",
                "summary": "Make the line good",
                "description": "No fault stays.",
                "parameters": [_ID],
                "responses": _answers(_ref("Shown"), "The device afterwards.", 404, 422),
            },
        },
    },
    "components": {"schemas": _SCHEMAS, "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "Needed beyond loopback only."}}},
    "security": [{}, {"key": []}],
}
