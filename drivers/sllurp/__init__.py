# SPDX-License-Identifier: Apache-2.0
"""RFID readers through the library sllurp, for those who know it and want it; `rfid_llrp` is the driver to take otherwise."""
