# SPDX-License-Identifier: Apache-2.0
"""How a weighing scale behaves, whatever it speaks."""
