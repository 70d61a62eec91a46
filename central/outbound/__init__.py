# SPDX-License-Identifier: Apache-2.0
"""Orders: promise, reservation, picking, weigh check, shipping."""
