# SPDX-License-Identifier: Apache-2.0
"""What a gateway expects of every driver, as tests: of the built-in ones, and of those that other packages bring.

In a package of your own, in a file of its tests:

    from gateway.conformance.kit import for_drivers
    from gateway.conformance.rules import *

    pytest_generate_tests = for_drivers({"scale_acme": sample}, captures=CAPTURES)

It needs pytest, pytest-asyncio and hypothesis, which a gateway does not; nothing here is imported by one. See docs/how-to/write-a-driver.md.
"""
