# SPDX-License-Identifier: Apache-2.0
"""What all scanners share: cutting what they say into codes, and what a code means (symbologies, GS1 element strings, Digital Links)."""
