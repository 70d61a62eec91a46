# SPDX-License-Identifier: Apache-2.0
"""`dockline gateway doctor`: what is wrong with a gateway, in words, the most important first."""
