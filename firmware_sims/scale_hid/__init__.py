# SPDX-License-Identifier: Apache-2.0
"""A USB scale of the HID class."""
