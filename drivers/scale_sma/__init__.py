# SPDX-License-Identifier: Apache-2.0
"""Scales that speak the protocol of the Scale Manufacturers Association, SMA SCP-0499."""
