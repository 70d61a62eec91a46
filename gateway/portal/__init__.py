# SPDX-License-Identifier: Apache-2.0
"""What a portal's reads mean: smoothing, sessions, crossings, who moved and who stood. Pure; times are seconds on the reader's own line."""
