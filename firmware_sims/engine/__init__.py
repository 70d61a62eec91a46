# SPDX-License-Identifier: Apache-2.0
"""What all twins share: the sans-IO twin protocol, servers (TCP, pty), faults."""
