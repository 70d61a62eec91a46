# SPDX-License-Identifier: Apache-2.0
"""Scales whose output is a line of text: each make is a map file that says how its line looks."""
