# SPDX-License-Identifier: Apache-2.0
"""Who may call: API keys; closed by default."""
