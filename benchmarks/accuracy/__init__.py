# SPDX-License-Identifier: Apache-2.0
"""How often a dock door is right: on captures of a real portal, and on a simulated yard of four doors."""
