# SPDX-License-Identifier: Apache-2.0
"""Pages for people: the live board, in Chinese and English, without anything from the internet."""
