# SPDX-License-Identifier: Apache-2.0
"""Ship notices and receiving."""
