# SPDX-License-Identifier: Apache-2.0
"""The stock ledger: facts, double entries, balances, fences, reservations, seals and their verifier."""
