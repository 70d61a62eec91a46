# SPDX-License-Identifier: Apache-2.0
"""A label printer with ZPL II that does not exist."""
