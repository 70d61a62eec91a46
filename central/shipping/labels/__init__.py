# SPDX-License-Identifier: Apache-2.0
"""Labels and papers: GS1-128 barcodes, ZPL for label printers, PDF, PNG and SVG, in English and Chinese."""
