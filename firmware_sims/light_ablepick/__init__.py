# SPDX-License-Identifier: Apache-2.0
"""Twin of an ATOP ABLEPick controller with its pick tags."""
