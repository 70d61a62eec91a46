# SPDX-License-Identifier: Apache-2.0
"""Configuration of pick lights behind an MQTT broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec

from contracts.addresses import parse_broker
from drivers.base.config import DeviceConfig, described
from drivers.light_mqtt.templates import Nodes, TopicPattern

_COLOURS = {name: name for name in ("red", "green", "orange", "blue", "pink", "cyan")}


class LightMqttConfig(DeviceConfig, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="light_mqtt"):
    """Lights of one kind. In topics and payloads {node} is the light's number ({node:03} with leading zeros), {quantity} and {colour} what it shows."""

    broker: Annotated[
        str, described("MQTT broker of the lights: mqtt://host:port or mqtts://host:port; empty: the gateway's own, with its user and files", "text")
    ] = "mqtt://127.0.0.1:1883"
    mqtt_version: Annotated[
        Literal["auto", "3.1.1", "5"], described("MQTT that the broker speaks; auto: 3.1.1, and 5 where that is not answered", "choice")
    ] = "auto"
    broker_username: Annotated[str, described("User name at the broker; empty: none", "text")] = ""
    broker_password_file: Annotated[str, described("File that holds the password", "path")] = ""
    broker_ca_file: Annotated[str, described("Certificate authority of an mqtts broker; empty: the system's", "path")] = ""
    broker_certificate_file: Annotated[str, described("Certificate (PEM) that is shown to an mqtts broker", "path")] = ""
    broker_key_file: Annotated[str, described("Its key (PEM); empty: in the same file", "path")] = ""
    connect_timeout_s: Annotated[float, described("How long to wait for the broker", "s", gt=0, le=60)] = 5.0
    nodes: Annotated[str, described("Numbers of the lights, like 1-40,51", "text", min_length=1)] = "1-100"
    names: Annotated[dict[str, int], described("Number of a light whose topics have a name instead, like A1B2C3 = 5", "count")] = msgspec.field(
        default_factory=dict
    )
    show_topic: Annotated[str, described("Topic that makes a light show something", "text", min_length=1)] = "pick/{node}/show"
    show_payload: Annotated[str, described("What is sent there", "text")] = '{"quantity": {quantity}, "colour": "{colour}"}'
    clear_topic: Annotated[str, described("Topic that puts a light out", "text", min_length=1)] = "pick/{node}/clear"
    clear_payload: Annotated[str, described("What is sent there", "text")] = "{}"
    buzz_topic: Annotated[str, described("Topic of a light's buzzer; empty: it has none", "text")] = "pick/{node}/buzz"
    buzz_on_payload: Annotated[str, described("What lets it sound", "text")] = "on"
    buzz_off_payload: Annotated[str, described("What stops it", "text")] = "off"
    colours: Annotated[dict[str, str], described("What stands for a colour in {colour}", "text")] = msgspec.field(default_factory=_COLOURS.copy)
    retain: Annotated[
        bool, described("Whether the broker keeps what a light shall show, for lights that ask it when they start; the lights then need no birth", "flag")
    ] = False
    qos: Annotated[Literal[0, 1], described("Quality of service of what is sent and subscribed", "count")] = 1
    confirm_topic: Annotated[str, described("Topic on which a light tells that it was answered; + for what does not matter", "text", min_length=1)] = (
        "pick/{node}/pressed"
    )
    node_path: Annotated[str, described("Where in a JSON payload the light's number or name stands, where it is not in the topic", "text")] = ""
    quantity_path: Annotated[
        str,
        described(
            "Where the quantity stands: a path in a JSON payload (quantity, state.count, keys[0]); `.`: the payload is the number; empty: not told", "text"
        ),
    ] = "quantity"
    press_path: Annotated[str, described("Where it stands what was pressed, as in quantity_path; empty: any message is a press", "text")] = "key"
    press_values: Annotated[list[str], described("Values there that are the confirm key; what is in neither list is no press", "text")] = msgspec.field(
        default_factory=lambda: ["confirm"]
    )
    shortage_values: Annotated[list[str], described("Values there that are the shortage key", "text")] = msgspec.field(default_factory=lambda: ["shortage"])
    shortage_topic: Annotated[str, described("Topic of the shortage key, where it has one of its own", "text")] = ""
    id_path: Annotated[
        str,
        described("Where a number or text stands that is another one for each press (message id, counter); a press whose one came before is dropped", "text"),
    ] = "id"
    availability_topic: Annotated[str, described("Topic on which a light's life is told (birth and last will), retained or not; empty: it is not", "text")] = (
        "pick/{node}/status"
    )
    availability_path: Annotated[str, described("Where in a JSON payload it stands; `.`: the payload is it", "text")] = "."
    online_payload: Annotated[str, described("What says that a light is there", "text")] = "online"
    offline_payload: Annotated[str, described("What says that it is not", "text")] = "offline"
    press_filter_s: Annotated[float, described("A second press of the same light within this time is a double press and is dropped", "s", ge=0, le=5)] = 0.6
    reply_timeout_s: Annotated[float, described("How long the broker may take over a subscription", "s", gt=0, le=60)] = 5.0
    lamp_test_s: Annotated[float, described("How long the command `test` lights everything", "s", gt=0, le=60)] = 2.0

    def __post_init__(self) -> None:
        if self.broker:
            parse_broker(self.broker)
        elif any((self.broker_username, self.broker_password_file, self.broker_ca_file, self.broker_certificate_file, self.broker_key_file)):
            raise ValueError("user and files belong to a broker of the lights' own; set `broker`, or leave them out to use the gateway's")
        Nodes(self.nodes, self.names)
        for topic in (self.confirm_topic, self.shortage_topic, self.availability_topic):
            if topic:
                pattern = TopicPattern(topic)
                if not pattern.names_node and not self.node_path:
                    raise ValueError(f"topic {topic!r} has no {{node}}; say where in the payload it stands (`node_path`)")
        for topic in (self.show_topic, self.clear_topic, self.buzz_topic):
            if "+" in topic or "#" in topic:
                raise ValueError(f"topic {topic!r} cannot be sent to: + and # mean many topics")

    def at_broker(self, own: Mapping[str, str]) -> Self:
        """See `DeviceConfig.at_broker`: where `broker` is empty."""
        return self if self.broker else msgspec.structs.replace(self, **own)

    @property
    def endpoint(self) -> str:
        """See `DeviceConfig.endpoint`."""
        return self.broker.rpartition("@")[2].rpartition("//")[2]
