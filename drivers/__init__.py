# SPDX-License-Identifier: Apache-2.0
"""Device drivers: bytes to readings, commands to bytes. One folder per device family; a driver knows one protocol and nothing of the warehouse."""
