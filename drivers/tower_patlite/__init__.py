# SPDX-License-Identifier: Apache-2.0
"""Signal towers of Patlite (NH, LR5-LAN, LA6-POE) over TCP: stack lights and sirens that tell what they show."""
