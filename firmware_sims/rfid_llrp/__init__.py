# SPDX-License-Identifier: Apache-2.0
"""A simulated LLRP reader, and captured portal reads to feed it with."""
