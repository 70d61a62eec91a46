# SPDX-License-Identifier: Apache-2.0
"""Twin of a Patlite signal tower."""
