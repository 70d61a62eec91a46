# SPDX-License-Identifier: Apache-2.0
"""What the names of our quantities mean to others: unit, Home Assistant's class, words for people. The unit stands last in a name."""

from __future__ import annotations

_UNITS = {
    "c": "°C", "pct": "%", "hpa": "hPa", "pa": "Pa", "kpa": "kPa", "bar": "bar", "mg": "mg", "g": "g", "kg": "kg", "v": "V", "mv": "mV", "a": "A", "ma": "mA",
    "w": "W", "kw": "kW", "ppm": "ppm", "lx": "lx", "s": "s", "mm": "mm", "m": "m", "hz": "Hz", "dbm": "dBm",
}  # fmt: skip
_CLASSES = {
    "temperature": ("temperature", {"°C"}),
    "dew_point": ("temperature", {"°C"}),
    "humidity": ("humidity", {"%"}),
    "pressure": ("pressure", {"hPa", "Pa", "kPa", "bar"}),
    "weight": ("weight", {"mg", "g", "kg"}),
    "voltage": ("voltage", {"V", "mV"}),
    "current": ("current", {"A", "mA"}),
    "power": ("power", {"W", "kW"}),
    "co2": ("carbon_dioxide", {"ppm"}),
    "illuminance": ("illuminance", {"lx"}),
    "frequency": ("frequency", {"Hz"}),
}
"""Last word of a quantity -> device class and the units it may have (Home Assistant, sensor integration, DEVICE_CLASS_UNITS)."""


def unit_of(quantity: str) -> str:
    """As people write it; empty: the name ends in none that is known."""
    return _UNITS.get(quantity.rpartition("_")[2], "") if "_" in quantity else ""


def words_for(quantity: str) -> str:
    """For people, without the unit: `net_weight_g` is "Net weight"."""
    stem = quantity.rpartition("_")[0] if unit_of(quantity) else quantity
    return stem.replace("_", " ").capitalize()


def class_of(quantity: str) -> str:
    """Home Assistant's device class; empty: none fits."""
    unit, stem = unit_of(quantity), quantity.rpartition("_")[0]
    for word, (device_class, units) in _CLASSES.items():
        if unit in units and (stem == word or stem.endswith(f"_{word}")):
            return device_class
    return ""
