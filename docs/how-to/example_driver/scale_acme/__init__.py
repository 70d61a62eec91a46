# SPDX-License-Identifier: Apache-2.0
"""Driver of Acme's platform scales, which nobody makes: an example."""
