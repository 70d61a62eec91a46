# SPDX-License-Identifier: Apache-2.0
"""A barcode scanner that is a USB keyboard."""
