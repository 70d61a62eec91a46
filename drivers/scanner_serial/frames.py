# SPDX-License-Identifier: Apache-2.0
"""What a scanner sends for one code; nothing of it is this driver's alone."""

from __future__ import annotations

from drivers.base.codes.frames import FRAME_BYTES_MAX, CodeFrame

__all__ = ["FRAME_BYTES_MAX", "CodeFrame"]
