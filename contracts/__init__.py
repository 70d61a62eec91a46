# SPDX-License-Identifier: Apache-2.0
"""What crosses a process border: readings, events, commands, topics, identifiers, quantities."""
