# SPDX-License-Identifier: Apache-2.0
"""The stock ledger under fire: many writers, repeated and reordered messages, processes that are killed; and an audit of what is left."""
