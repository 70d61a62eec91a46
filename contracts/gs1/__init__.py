# SPDX-License-Identifier: Apache-2.0
"""GS1's application identifiers: the table of them, what their values may be, element strings and Digital Links. For scanners, tags and pages alike."""
