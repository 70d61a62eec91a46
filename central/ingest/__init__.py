# SPDX-License-Identifier: Apache-2.0
"""Ingest: batches from MQTT, stored exactly once, each event handed to its use cases, acknowledged after the commit."""
