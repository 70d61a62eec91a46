# SPDX-License-Identifier: Apache-2.0
"""A bench scale that speaks SMA SCP-0499, levels 1 and 2."""
