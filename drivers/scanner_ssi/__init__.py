# SPDX-License-Identifier: Apache-2.0
"""Zebra (Symbol, Motorola) barcode scanners that speak SSI, the Simple Serial Interface: packets with checksums, acknowledged one by one."""
