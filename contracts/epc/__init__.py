# SPDX-License-Identifier: Apache-2.0
"""Electronic product codes: what an RFID tag's EPC bits say, and every other way of writing it.

`tags.decode` reads hex into an `Epc`, `tags.encode` writes an identity into one, `forms.parse` reads any form there is. Source: GS1 EPC Tag Data
Standard 2.3 (TDS): the schemes of TDS 1.x with a company prefix, and the "+" and "++" schemes of TDS 2.x that carry a GS1 key as it is printed.
"""
