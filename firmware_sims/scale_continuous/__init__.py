# SPDX-License-Identifier: Apache-2.0
"""Twin of a weighing indicator with Toledo's continuous output."""
