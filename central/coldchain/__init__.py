# SPDX-License-Identifier: Apache-2.0
"""Cold rooms: measurements, alarms, holds of lots."""
