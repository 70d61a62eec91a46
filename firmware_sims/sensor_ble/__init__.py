# SPDX-License-Identifier: Apache-2.0
"""Twin of a Bluetooth receiver and the tags around it."""
