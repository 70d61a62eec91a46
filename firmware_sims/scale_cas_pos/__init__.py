# SPDX-License-Identifier: Apache-2.0
"""A CAS counter scale at a cash register."""
