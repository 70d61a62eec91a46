# SPDX-License-Identifier: Apache-2.0
"""Fits the two logistic regressions of a portal's judgement to captures and simulated yards whose truth is known."""
