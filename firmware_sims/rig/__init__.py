# SPDX-License-Identifier: Apache-2.0
"""A rig: any set of simulated devices and rooms, described by one file, switched on together and changed while they run."""
