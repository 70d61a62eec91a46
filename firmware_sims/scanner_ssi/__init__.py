# SPDX-License-Identifier: Apache-2.0
"""A Zebra scanner that speaks SSI."""
