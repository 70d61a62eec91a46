# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from hypothesis import strategies as st

from drivers.light_mqtt import frames
from firmware_sims.engine.servers import TcpTwinServer
from firmware_sims.engine.twin import Twin
from firmware_sims.light_mqtt.broker import LightsWithBroker
from firmware_sims.light_mqtt.twin import MqttLightsTwin
from tests.conformance.sample import Entry, RoundTrip, Way


def _behind_a_broker(lights: Twin) -> TcpTwinServer:
    assert isinstance(lights, MqttLightsTwin)
    return TcpTwinServer(LightsWithBroker(lights=lights))


OVER_MQTT = Way(
    _behind_a_broker,
    lambda server: {"broker": f"mqtt://{server.host}:{server.port}"},
    lambda port: {"broker": f"mqtt://127.0.0.1:{port}"},
    lambda port: f"127.0.0.1:{port}",
)


def sample() -> Entry:
    """See `Entry`."""
    topics = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    messages = st.builds(frames.Frame, st.sampled_from(frames.Kind), topics, st.binary(max_size=100), st.integers(0, 2), st.booleans(), st.booleans())
    return Entry(
        stimulus=("press", {"node": 3}),
        reading="ButtonPressed",
        round_trips=(RoundTrip("message", messages, frames.Frame.encode, frames.decode),),
        faults={"light_vanishes": "offline"},
        way=OVER_MQTT,
    )
