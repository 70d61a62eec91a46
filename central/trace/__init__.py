# SPDX-License-Identifier: Apache-2.0
"""EPCIS 2.0: capture and query of what happened to goods, Dockline's own stock events among it, and ship notices that suppliers send as events."""
