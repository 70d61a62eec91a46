# SPDX-License-Identifier: Apache-2.0
"""What happens between the last pick and the customer's door, and back: packing, weigh check, labels, loading, carriers, returns."""
