# SPDX-License-Identifier: Apache-2.0
"""Twin of a box with digital inputs and outputs."""
