# SPDX-License-Identifier: Apache-2.0
"""North sides: what devices measure, told to others than central as well (docs/decisions/0034). Loaded only when one is configured; never stock movements."""
