# SPDX-License-Identifier: Apache-2.0
"""Twin of a one-wire bus with DS18B20 probes, as lines and as a folder of files like the kernel's."""
