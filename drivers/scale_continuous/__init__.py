# SPDX-License-Identifier: Apache-2.0
"""Weighing indicators that talk by themselves in Toledo's continuous format (IND, 8142, 8530 and many that copy it)."""
