# SPDX-License-Identifier: Apache-2.0
"""What all drivers share: errors, the session protocol, transports, the pump, and how a driver describes itself."""
