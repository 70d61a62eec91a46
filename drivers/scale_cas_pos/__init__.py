# SPDX-License-Identifier: Apache-2.0
"""Counter scales with the ECR protocol of CAS (ER, SW, PD-II) and Samsung: ENQ, ACK, DC1, a block with a check character."""
