# SPDX-License-Identifier: Apache-2.0
"""The central inventory service: ledger, use cases, ingest, API and pages."""
