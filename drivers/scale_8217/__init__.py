# SPDX-License-Identifier: Apache-2.0
"""Counter scales that speak Mettler Toledo 8213/8217, as checkout scanners and tills expect it."""
