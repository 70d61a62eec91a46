# SPDX-License-Identifier: Apache-2.0
"""Simulated Acme scales; they share no code with the driver."""
