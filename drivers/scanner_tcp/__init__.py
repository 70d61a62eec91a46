# SPDX-License-Identifier: Apache-2.0
"""Fixed barcode scanners over TCP that take commands: Keyence SR, Cognex DataMan (DMCC), Datalogic."""
