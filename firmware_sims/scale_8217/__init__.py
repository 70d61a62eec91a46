# SPDX-License-Identifier: Apache-2.0
"""Twin of a counter scale with the protocol of Mettler Toledo 8213/8217."""
