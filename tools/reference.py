# SPDX-License-Identifier: Apache-2.0
"""Reference pages made from the code: configuration, drivers, events, commands, metrics, errors."""

from __future__ import annotations

import importlib
import inspect
import tomllib
from typing import Any

import msgspec

from contracts import schema
from contracts.commands import AnyCommand, PickTask
from contracts.events import MOVEMENTS, AnyEvent, PassEvidence
from contracts.quantities import Quantity
from contracts.readings import AnyReading, Identifiers
from drivers import registry
from drivers.base import errors as driver_errors
from drivers.base.spec import DriverSpec
from tools import source_scan
from tools.markdown import first_paragraph, page, table

Schema = dict[str, Any]


def _kind(node: Schema) -> str:
    """A schema's type in words."""
    if "$ref" in node:
        return f"`{node['$ref'].rpartition('/')[2]}`"
    if "enum" in node:
        return ", ".join(f"`{value}`" for value in node["enum"])
    if "anyOf" in node:
        return " or ".join(_kind(choice) for choice in node["anyOf"])
    if node.get("type") == "array":
        return f"list of {_kind(node.get('items', {}))}"
    if node.get("type") == "object" and isinstance(node.get("additionalProperties"), dict):
        return f"table of {_kind(node['additionalProperties'])}"
    return str(node.get("format") or {"boolean": "true or false", "string": "text", "null": "nothing"}.get(node.get("type", ""), node.get("type", "anything")))


def _bounds(node: Schema) -> str:
    words = {"minimum": ">= ", "maximum": "<= ", "exclusiveMinimum": "> ", "exclusiveMaximum": "< ", "minItems": "items >= ", "minLength": "length >= "}
    words |= {"maxLength": "length <= ", "maxItems": "items <= ", "minProperties": "entries >= "}
    return ", ".join(f"{word}{node[key]}" for key, word in words.items() if key in node)


def _default(name: str, node: Schema, required: list[str]) -> str:
    if name in required:
        return "**required**"
    return f"`{msgspec.json.encode(node['default']).decode()}`" if node.get("default") not in (None, "", [], {}) else ""


def _schema_of(struct: type[msgspec.Struct]) -> Schema:
    _, found = msgspec.json.schema_components([struct])
    node: Schema = found[struct.__name__]
    return node


def fields_table(struct: type[msgspec.Struct], skip: frozenset[str] = frozenset()) -> str:
    """The fields of a configuration struct: name, meaning, unit, type, bounds, default."""
    node = _schema_of(struct)
    required = node.get("required", [])
    rows = [
        (f"`{name}`", field.get("description", ""), field.get("unit", ""), _kind(field), _bounds(field), _default(name, field, required))
        for name, field in node["properties"].items()
        if name not in skip
    ]
    return table(["key", "meaning", "unit", "type", "bounds", "default"], rows)


def _wire_table(struct: type[msgspec.Struct]) -> str:
    node = _schema_of(struct)
    required = node.get("required", [])
    rows = [(f"`{name}`", _kind(field), _bounds(field), _default(name, field, required)) for name, field in node["properties"].items()]
    return table(["field", "type", "bounds", "default when left out"], rows)


def _specs() -> list[DriverSpec]:
    return [registry.load(name) for name in sorted(registry.BUILT_IN)]


def configuration_page() -> str:
    """docs/reference/configuration.md."""
    config = importlib.import_module("gateway.config")
    sections = [("`[gateway]`", f"{first_paragraph(config.GatewayTable.__doc__)}\n\n{fields_table(config.GatewayTable)}")]
    for station in config.STATIONS:
        kind = station.__struct_config__.tag
        body = f"{first_paragraph(station.__doc__)}\n\n{fields_table(station, frozenset({'kind'}))}"
        sections.append((f'`[[station]]` with `kind = "{kind}"`', body))
    for north in config.NORTHS:
        body = f"{first_paragraph(north.__doc__)}\n\n{fields_table(north, frozenset({'kind'}))}"
        sections.append((f'`[[north]]` with `kind = "{north.__struct_config__.tag}"`', body))
    references = [(f"`{struct.__name__}`", f"{first_paragraph(struct.__doc__)}\n\n{fields_table(struct)}") for struct in (config.InputRef, config.OutputRef)]
    devices = "`id` names the device, `driver` is one of the drivers; the other keys are the driver's own: see [the drivers](drivers.md)."
    introduction = (
        "A gateway is described by one TOML file. Unknown keys are refused; `dockline gateway check FILE` says which file, key and reason. "
        "The last word of a key is its unit. Central is configured on its command line: `dockline central run --help`."
    )
    return page("Configuration of a gateway", introduction, [sections[0], ("`[[device]]`", devices), *sections[1:], *references])


def _quality(name: str) -> str:
    rules: dict[str, Any] = tomllib.loads((source_scan.ROOT / "drivers" / name / "quality.toml").read_text(encoding="utf-8"))
    rows = []
    for rule, entry in rules.get("rules", rules).items():
        status, reason = (entry, "") if isinstance(entry, str) else (entry.get("status", ""), entry.get("reason", ""))
        rows.append((rule, status, reason))
    return table(["rule", "status", "reason"], rows)


def _commands_of(spec: DriverSpec) -> str:
    rows = []
    for command in spec.commands:
        arguments = "; ".join(
            f"`{argument.name}` ({argument.kind.__name__}, {argument.unit}{'' if argument.required else ', may be left out'}): {argument.description}"
            for argument in command.arguments
        )
        rows.append((f"`{command.name}`", command.description, arguments))
    return table(["command", "what it does", "arguments"], rows)


def drivers_page() -> str:
    """docs/reference/drivers.md."""
    sections = []
    for spec in _specs():
        facts = (
            f"{first_paragraph(inspect.getdoc(spec.config))}\n\n"
            f"- can: {', '.join(sorted(capability.replace('_', ' ') for capability in spec.capabilities))}\n"
            f"- written from: {spec.source}\n- simulator: `{spec.twin}`\n"
        )
        configuration = fields_table(spec.config, frozenset({"driver"}))
        sections.append(
            (f"`{spec.name}`", f"{facts}\n### Keys\n\n{configuration}\n### Commands\n\n{_commands_of(spec)}\n### Quality\n\n{_quality(spec.name)}"),
        )
    introduction = "`dockline device list` prints the same. No driver has been tried on real hardware yet; see the hardware table of the README."
    return page("Drivers", introduction, sections)


def events_page() -> str:
    """docs/reference/events.md."""
    sections = []
    for event in schema.members(AnyEvent):
        lane = "movements" if event in MOVEMENTS else "telemetry"
        sections.append((event.__name__, f"{first_paragraph(event.__doc__)}\n\nLane: {lane}.\n\n{_wire_table(event)}"))
    sections += [(f"`{part.__name__}`", f"{first_paragraph(part.__doc__)}\n\n{_wire_table(part)}") for part in (PassEvidence, Quantity, Identifiers)]
    introduction = (
        "What a gateway tells central, in batches on `dockline/v1/{partition}/{site}/{gateway}/up/{lane}`. Its identity is (gateway, epoch, lane, seq). "
        "As JSON Schema: [events.json](../../contracts/generated/events.json); the whole wire as "
        "[AsyncAPI 3](../../contracts/generated/asyncapi.json)."
    )
    readings = "\n".join(f"- `{reading.__name__}`: {first_paragraph(reading.__doc__)}" for reading in schema.members(AnyReading))
    heading = "Readings, as `dockline device try --json` prints them"
    return page("Events", introduction, [*sections, (heading, f"{readings}\n\nAs JSON Schema: [readings.json](../../contracts/generated/readings.json).")])


def commands_page() -> str:
    """docs/reference/commands.md."""
    sections = [(command.__name__, f"{first_paragraph(command.__doc__)}\n\n{_wire_table(command)}") for command in schema.members(AnyCommand)]
    sections.append((f"`{PickTask.__name__}`", f"{first_paragraph(PickTask.__doc__)}\n\n{_wire_table(PickTask)}"))
    sections += [(f"Device commands of `{spec.name}`", _commands_of(spec)) for spec in _specs() if spec.commands]
    introduction = (
        "What central asks of a gateway, on `dockline/v1/{partition}/{site}/{gateway}/down`; each is answered by the event `CommandAnswered`. "
        "Device commands are what a station asks of a driver; people send them with `dockline device send`. "
        "As JSON Schema: [commands.json](../../contracts/generated/commands.json)."
    )
    return page("Commands", introduction, sections)


def metrics_page() -> str:
    """docs/reference/metrics.md."""
    sections = []
    for program in ("gateway", "central"):
        rows = [(f"`{m.name}`", m.kind.lower(), ", ".join(m.labels), m.description) for m in source_scan.metrics() if m.program == program]
        sections.append((f"`{program}`", table(["metric", "kind", "labels", "meaning"], rows)))
    introduction = "Served at `/metrics` of each program. Labels are closed sets only; deploy/prometheus/alerts.yml and deploy/grafana/dockline.json use them."
    return page("Metrics", introduction, sections)


def _code_row(error: source_scan.ErrorCode) -> tuple[str, str, str, str, str]:
    text = importlib.import_module("central.error_pages").texts()[error.code]["en"]
    return f"`{error.code}`", text.means, text.why, text.do, error.message


def errors_page() -> str:
    """docs/reference/errors.md."""
    messages = importlib.import_module("central.exceptions.messages")
    classes = [kind for _, kind in inspect.getmembers(driver_errors, inspect.isclass) if kind.__module__ == driver_errors.__name__]
    devices = table(["error", "what it means and what to do"], [(f"`{kind.__name__}`", first_paragraph(kind.__doc__)) for kind in classes])
    codes = table(["code", "what it means", "why it comes", "what to do", "message"], [_code_row(error) for error in source_scan.error_codes()])
    orders = table(["code", "message"], [(f"`{code}`", text) for code, text in sorted(messages.TEMPLATES.items())])
    introduction = (
        "What can go wrong, in the words that people see; names in braces are filled in. "
        "Codes are stable and for programs; central serves each at `/errors/CODE`, in English and Chinese."
    )
    return page(
        "Errors",
        introduction,
        [("Devices (gateway log, `dockline device try`)", devices), ("Requests to central (problem+json, `code`)", codes), ("Exception work orders", orders)],
    )


PAGES = {
    "configuration.md": configuration_page,
    "drivers.md": drivers_page,
    "events.md": events_page,
    "commands.md": commands_page,
    "metrics.md": metrics_page,
    "errors.md": errors_page,
}
"""File in docs/reference/ -> what writes it."""
