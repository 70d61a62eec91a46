# SPDX-License-Identifier: Apache-2.0
"""Pick tags on a Modbus line, described by map files."""
