# SPDX-License-Identifier: Apache-2.0
"""Pick lights that speak MQTT (ESPHome, Tasmota, makers' own): what they are told and what they say stands in templates."""
