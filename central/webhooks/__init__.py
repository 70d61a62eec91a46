# SPDX-License-Identifier: Apache-2.0
"""Webhooks by Standard Webhooks: what happens here is told to other systems, signed, again until they take it."""
