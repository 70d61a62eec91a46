# SPDX-License-Identifier: Apache-2.0
"""The gateway: devices, stations, outbox, uplink and downlink in one asyncio process."""
