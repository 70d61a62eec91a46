# SPDX-License-Identifier: Apache-2.0
"""Temperature probes on a one-wire bus (DS18B20 and its family) through the files of the Linux kernel."""
