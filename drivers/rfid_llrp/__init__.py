# SPDX-License-Identifier: Apache-2.0
"""RFID readers over LLRP 1.0.1 and 1.1 (TCP port 5084)."""
