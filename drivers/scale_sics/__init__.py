# SPDX-License-Identifier: Apache-2.0
"""Weighing scales that speak MT-SICS (Mettler Toledo and the many that copy it), over TCP or a serial line."""
