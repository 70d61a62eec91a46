# SPDX-License-Identifier: Apache-2.0
"""The fleet of gateways: who they are, whether they live, what they were asked to do."""
