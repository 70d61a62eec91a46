# SPDX-License-Identifier: Apache-2.0
"""A file for each driver of the registry, named like it: what the conformance suite has to know of it."""
