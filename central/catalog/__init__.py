# SPDX-License-Identifier: Apache-2.0
"""Items, lots, locations, zones and partners: what the rest of central calls by name."""
