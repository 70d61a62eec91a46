# SPDX-License-Identifier: Apache-2.0
"""Digital inputs and outputs at the pins of this computer (Linux GPIO), or of a microcontroller that speaks the same lines."""
