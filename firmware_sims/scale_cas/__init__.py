# SPDX-License-Identifier: Apache-2.0
"""A CAS weighing indicator."""
