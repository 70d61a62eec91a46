# SPDX-License-Identifier: Apache-2.0
"""The simulated warehouse: goods, trucks, people and rooms that move, and the twins that notice them."""
