# SPDX-License-Identifier: Apache-2.0
"""What the simulated reader says of itself: a four-port fixed reader under ETSI rules.

Source: LLRP 1.0.1, 9.2 and 16.2.3. The power table (10 to 31.5 dBm by quarters) and the RF modes are like those that fixed readers of several makers publish.
"""

from __future__ import annotations

from firmware_sims.rfid_llrp.codec import encode

MAKER = 32473  # the private enterprise number kept for examples (RFC 5612)
MODEL = 4
FIRMWARE = "dockline-twin 1.0"
POWER_DBM = tuple(10 + step / 4 for step in range(87))
FIXED_KHZ = (865_700, 866_300, 866_900, 867_500)  # the four upper channels of ETSI EN 302 208
_MODES = ((0, 0, 640_000), (1, 1, 640_000), (2, 2, 274_000), (3, 3, 170_600), (1000, 2, 274_000))  # id, M (0 FM0, 1 M2, 2 M4, 3 M8), bits per second

ROSPECS, AISPECS, ACCESS_SPECS, OP_SPECS = 4, 4, 8, 8  # per reader, per ROSpec, per reader, per AccessSpec

MODES = frozenset(mode for mode, _, _ in _MODES) | {0}


def general(antennas: int, inputs: int, outputs: int, has_utc_clock: bool, maker: int = MAKER) -> bytes:
    """GeneralDeviceCapabilities."""
    ports = b"".join(encode("PerAntennaAirProtocol", port, [1]) for port in range(1, antennas + 1))
    inner = encode("ReceiveSensitivityTableEntry", 1, 0) + encode("GPIOCapabilities", inputs, outputs) + ports
    return encode("GeneralDeviceCapabilities", antennas, 0x4000 if has_utc_clock else 0, maker, MODEL, FIRMWARE, inner=inner)


def protocol() -> bytes:
    """LLRPCapabilities: it warns of a full buffer (bit 6) and holds events and reports on demand (bit 3); what it takes of each kind."""
    return encode("LLRPCapabilities", 0x48, 1, 0, ROSPECS, AISPECS, 1, ACCESS_SPECS, OP_SPECS)


def regulatory() -> bytes:
    """RegulatoryCapabilities: Germany, ETSI EN 302 208 (2)."""
    powers = b"".join(encode("TransmitPowerLevelTableEntry", index, round(dbm * 100)) for index, dbm in enumerate(POWER_DBM, 1))
    frequencies = encode("FrequencyInformation", 0, inner=encode("FixedFrequencyTable", FIXED_KHZ))
    modes = b"".join(encode("C1G2UHFRFModeTableEntry", mode, 0x80, m, 0, 2, rate, 1500, 6250, 25000, 1875) for mode, m, rate in _MODES)
    band = encode("UHFBandCapabilities", inner=powers + frequencies + encode("C1G2UHFRFModeTable", inner=modes))
    return encode("RegulatoryCapabilities", 276, 2, inner=band)


def air_protocol() -> bytes:
    """C1G2LLRPCapabilities: one select filter."""
    return encode("C1G2LLRPCapabilities", 0, 1)
