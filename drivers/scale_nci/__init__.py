# SPDX-License-Identifier: Apache-2.0
"""Scales that speak NCI / SCP-01: Avery Weigh-Tronix, Brecknell, Adam, Ohaus Aviator."""
