# SPDX-License-Identifier: Apache-2.0
"""Outbox, wire and ingest in virtual time: thousands of seeded worlds a minute, each with its own faults; a seed that fails says how to run it again."""
