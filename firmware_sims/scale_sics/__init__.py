# SPDX-License-Identifier: Apache-2.0
"""A balance that speaks MT-SICS."""
