# SPDX-License-Identifier: Apache-2.0
"""Programs of other makers, driven for comparison."""
