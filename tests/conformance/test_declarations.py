# SPDX-License-Identifier: Apache-2.0
"""What every driver declares; the rules stand in gateway/conformance/declaration_rules.py."""

from __future__ import annotations

from drivers import registry
from gateway.conformance import bytes_rules, declaration_rules, life_rules
from gateway.conformance.declaration_rules import (
    test_config_rejects_unknown_field,
    test_every_command_argument_has_description_and_unit,
    test_every_field_has_description_and_unit,
    test_no_clock_or_random_in_session,
    test_quality_file_tells_the_truth,
    test_spec_names_twin_and_source,
)
from gateway.conformance.rules import RULES
from tests.conformance.entries import of_built_in as pytest_generate_tests
from tests.conformance.exemptions import EXEMPT

__all__ = [
    "pytest_generate_tests",
    "test_config_rejects_unknown_field",
    "test_every_command_argument_has_description_and_unit",
    "test_every_field_has_description_and_unit",
    "test_no_clock_or_random_in_session",
    "test_quality_file_tells_the_truth",
    "test_spec_names_twin_and_source",
]


def test_every_rule_is_run() -> None:
    written = {name for module in (bytes_rules, declaration_rules, life_rules) for name in vars(module) if name.startswith("test_")}

    assert written == set(RULES)


def test_exemptions_name_real_rules_and_drivers() -> None:
    assert set(EXEMPT) <= set(RULES)
    for rule, drivers in EXEMPT.items():
        assert set(drivers) <= set(registry.names()), rule
        assert all(len(reason) > 20 for reason in drivers.values()), f"{rule}: a reason is a sentence"
