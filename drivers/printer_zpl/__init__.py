# SPDX-License-Identifier: Apache-2.0
"""Label printers that speak ZPL II (Zebra and the many that copy it), over TCP port 9100 or a serial line."""
