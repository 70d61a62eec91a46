# SPDX-License-Identifier: Apache-2.0
"""Work orders: what the floor told us and no use case could settle by itself."""
