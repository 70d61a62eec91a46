# SPDX-License-Identifier: Apache-2.0
"""Indicators with the 22 or 18 byte output of CAS: CI, NT, PDS and many that copy it."""
