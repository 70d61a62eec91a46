# SPDX-License-Identifier: Apache-2.0
"""Fixed scanners over TCP: Keyence SR, Cognex DataMan, Datalogic Matrix."""
