# SPDX-License-Identifier: Apache-2.0
"""What all drivers of Modbus units have in common: frames, framing, one exchange at a time, the drain rule."""
