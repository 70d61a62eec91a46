# SPDX-License-Identifier: Apache-2.0
"""A bench scale that speaks NCI / SCP-01."""
