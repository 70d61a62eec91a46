# SPDX-License-Identifier: Apache-2.0
"""Whatever comes over a wire: generated and mutated inputs for every parser, and how soon a conversation is back in step afterwards."""
