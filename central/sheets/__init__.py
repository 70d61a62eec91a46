# SPDX-License-Identifier: Apache-2.0
"""Spreadsheets in and out, for every list: CSV and Excel, templates, dry runs, errors by row and column, undo by batch."""
