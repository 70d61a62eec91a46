# SPDX-License-Identifier: Apache-2.0
"""A yard of four dock doors side by side, simulated from radio physics: what their readers and photo-eyes see, and what truly happened.

Nothing here knows how a gateway decides. Constants are physics, or fitted to captures of a real portal (100 moving and 75 standing tags, 30 dBm, session 1);
each says which.
"""
