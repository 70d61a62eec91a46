# SPDX-License-Identifier: Apache-2.0
"""Programs that set up, check and document the project; none of them is installed with it."""
