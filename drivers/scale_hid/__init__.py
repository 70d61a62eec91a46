# SPDX-License-Identifier: Apache-2.0
"""USB scales of the HID class, usage page 8D hex: Dymo, Stamps.com, Mettler PS, Fairbanks and others."""
