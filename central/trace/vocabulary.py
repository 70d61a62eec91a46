# SPDX-License-Identifier: Apache-2.0
"""Words of the Core Business Vocabulary (GS1 CBV 2.0) and of EPCIS 2.0, and what they are called in full (CBV 2.0, sections 7.1 to 7.8)."""

from __future__ import annotations

CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
"""The JSON-LD context of every document of EPCIS 2.0."""
EPCIS_VERSION = "2.0"
CBV_VERSION = "2.0"
EVENT_TYPES = ("ObjectEvent", "AggregationEvent", "AssociationEvent", "TransactionEvent", "TransformationEvent")
ACTIONS = frozenset({"OBSERVE", "ADD", "DELETE"})

BIZ_STEPS = frozenset(
    [
        "accepting",
        "arriving",
        "assembling",
        "collecting",
        "commissioning",
        "consigning",
        "creating_class_instance",
        "cycle_counting",
        "decommissioning",
        "departing",
        "destroying",
        "disassembling",
        "dispensing",
        "encoding",
        "entering_exiting",
        "holding",
        "inspecting",
        "installing",
        "killing",
        "loading",
        "other",
        "packing",
        "picking",
        "receiving",
        "removing",
        "repackaging",
        "repairing",
        "replacing",
        "reserving",
        "retail_selling",
        "shipping",
        "staging_outbound",
        "stock_taking",
        "stocking",
        "storing",
        "transporting",
        "unloading",
        "unpacking",
        "void_shipping",
        "sensor_reporting",
        "sampling",
    ]
)
DISPOSITIONS = frozenset(
    [
        "active",
        "container_closed",
        "damaged",
        "destroyed",
        "dispensed",
        "disposed",
        "encoded",
        "expired",
        "in_progress",
        "in_transit",
        "inactive",
        "no_pedigree_match",
        "non_sellable_other",
        "partially_dispensed",
        "recalled",
        "reserved",
        "retail_sold",
        "returned",
        "sellable_accessible",
        "sellable_not_accessible",
        "stolen",
        "unknown",
        "available",
        "completeness_verified",
        "completeness_inferred",
        "conformant",
        "container_open",
        "mismatch_instance",
        "mismatch_class",
        "mismatch_quantity",
        "needs_replacement",
        "non_conformant",
        "unavailable",
    ]
)
TRANSACTION_TYPES = frozenset(["bol", "cert", "desadv", "inv", "pedigree", "po", "poc", "prodorder", "recadv", "rma", "testprd", "testres", "upevt"])
PARTY_TYPES = frozenset(["owning_party", "possessing_party", "location"])
ERROR_REASONS = frozenset(["did_not_occur", "incorrect_data"])
COMPONENTS = frozenset(
    [
        "x",
        "y",
        "z",
        "axial_distance",
        "azimuth",
        "height",
        "spherical_radius",
        "polar_angle",
        "elevation_angle",
        "easting",
        "northing",
        "latitude",
        "longitude",
        "altitude",
    ]
)
ALERTS = frozenset(["ALARM_CONDITION", "ERROR_CONDITION"])
MEASUREMENTS = frozenset(
    [
        "AbsoluteHumidity",
        "AbsorbedDose",
        "AbsorbedDoseRate",
        "Acceleration",
        "Radioactivity",
        "Altitude",
        "AmountOfSubstance",
        "AmountOfSubstancePerUnitVolume",
        "Angle",
        "AngularAcceleration",
        "AngularMomentum",
        "AngularVelocity",
        "Area",
        "Capacitance",
        "Conductance",
        "Conductivity",
        "Count",
        "Density",
        "Dimensionless",
        "DoseEquivalent",
        "DoseEquivalentRate",
        "DynamicViscosity",
        "ElectricCharge",
        "ElectricCurrent",
        "ElectricCurrentDensity",
        "ElectricFieldStrength",
        "Energy",
        "Exposure",
        "Force",
        "Frequency",
        "Illuminance",
        "Inductance",
        "Irradiance",
        "KinematicViscosity",
        "Length",
        "LinearMomentum",
        "Luminance",
        "LuminousFlux",
        "LuminousIntensity",
        "MagneticFlux",
        "MagneticFluxDensity",
        "MagneticVectorPotential",
        "Mass",
        "MassConcentration",
        "MassFlowRate",
        "MassPerAreaTime",
        "MemoryCapacity",
        "MolalityOfSolute",
        "MolarEnergy",
        "MolarMass",
        "MolarVolume",
        "Power",
        "Pressure",
        "RadiantFlux",
        "RadiantIntensity",
        "RelativeHumidity",
        "Resistance",
        "Resistivity",
        "SolidAngle",
        "SpecificVolume",
        "Speed",
        "SurfaceDensity",
        "SurfaceTension",
        "Temperature",
        "Time",
        "Torque",
        "Voltage",
        "Volume",
        "VolumeFlowRate",
        "VolumeFraction",
        "VolumetricFlux",
        "Wavenumber",
    ]
)

CONTEXT_PREFIXES = {
    "epcis": "https://ref.gs1.org/epcis/",
    "cbv": "https://ref.gs1.org/cbv/",
    "cbvmda": "urn:epcglobal:cbv:mda:",
    "gs1": "https://gs1.org/voc/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}
"""Prefixes that the standard context declares."""
ABSOLUTE = frozenset({"http", "https", "urn", "ni", "tag", "did"})
"""Schemes of URIs: a field that begins so needs no declared prefix."""

_WEB = {"bizStep": "BizStep", "disposition": "Disp", "transaction": "BTT", "party": "SDT", "reason": "ER", "component": "Comp"}
_URN = {"bizStep": "bizstep", "disposition": "disp", "transaction": "btt", "party": "sdt", "reason": "er"}
_WORDS = {
    "bizStep": BIZ_STEPS,
    "disposition": DISPOSITIONS,
    "transaction": TRANSACTION_TYPES,
    "party": PARTY_TYPES,
    "reason": ERROR_REASONS,
    "component": COMPONENTS,
    "measurement": MEASUREMENTS,
    "alert": ALERTS,
}


def web_uri(kind: str, value: str) -> str:
    """The web vocabulary's name of a bare word (`bizStep`, `receiving`: https://ref.gs1.org/cbv/BizStep-receiving); whatever is no such word is left."""
    if value not in _WORDS[kind]:
        return value
    return f"https://gs1.org/voc/{value}" if kind in ("measurement", "alert") else f"https://ref.gs1.org/cbv/{_WEB[kind]}-{value}"


def bare_word(kind: str, value: str) -> str:
    """The bare word of a value in any of its spellings: the word, its URN of CBV 1.x, its web URI, or with a prefix of the standard context."""
    beginnings = [f"https://ref.gs1.org/cbv/{_WEB[kind]}-", f"cbv:{_WEB[kind]}-"] if kind in _WEB else ["https://gs1.org/voc/", "gs1:"]
    if kind in _URN:
        beginnings.append(f"urn:epcglobal:cbv:{_URN[kind]}:")
    for beginning in beginnings:
        if value.startswith(beginning) and value[len(beginning) :] in _WORDS[kind]:
            return value[len(beginning) :]
    return value
