# SPDX-License-Identifier: Apache-2.0
"""Messages to people: a stable code, an English sentence and its parameters, so that a page can say the same in another language."""

from __future__ import annotations

from dataclasses import dataclass

TEMPLATES = {
    "pallet_cases_missing": "{station}: pallet {sscc} passed in; {missing} of {expected} cases not seen; compare with ship notice {notice} or accept",
    "pallet_cases_unexpected": "{station}: cases on pallet {sscc} that ship notice {notice} does not list: {count}, first {first}; "
    "set them aside and ask the supplier",
    "pallet_unknown": "{station}: pallet {sscc} passed in and no ship notice names it; enter the ship notice, then scan the pallet's label, or send it back",
    "pallet_wrong_site": "{station}: pallet {sscc} passed in at {site}, ship notice {notice} sends it to {expected_site}; call the other site before unloading",
    "pallet_direction_unknown": "{station}: pallet {sscc} was read but its direction is not sure ({reason}); "
    "look where it stands, and scan its label to receive it",
    "pallet_left": "{station}: received pallet {sscc} passed out and nothing sends it; find out who moved it, and bring it back or return it to the supplier",
    "pallet_label_missing": "{station}: goods with {count} tags passed in without a readable pallet label; scan the label by hand",
    "pallet_labels_many": "{station}: {count} pallet labels passed in together ({ssccs}); scan the label of each pallet by hand",
    "receipt_over_notice": "{station}: {over} of item {item} lot {lot} more than ship notice {notice} announces; "
    "count again, then book the surplus or refuse it",
    "lot_expiry_differs": "{station}: lot {lot} of item {item} is known with expiry {known}, the label says {said}; check the goods before anything is sold",
    "scan_unmatched": "{station}: scan {text} fits no open ship notice of {site}; enter the ship notice, then scan again",
    "scan_unreadable": "{station}: scan {text} carries neither a pallet number nor an item ({reason}); scan the GS1 label",
    "order_short": "order {order}: {short} of {ordered} of item {item} cannot be reserved at {site}; replenish or tell the customer",
    "pick_short": "{station}: {taken} of {requested} of item {item} lot {lot} found in bin {bin} for order {order}; "
    "count the bin, {doubtful} pieces wait in inspection",
    "pick_over": "{station}: {taken} of item {item} confirmed for order {order} although {requested} were asked; put {over} back into bin {bin}",
    "pick_after_cancel": "{station}: {taken} of item {item} taken from bin {bin} for order {order} after it was cancelled; put them back",
    "pick_answered_twice": "{station}: task {task} was confirmed with {first} and again with {second}; count bin {bin}",
    "order_cancelled_goods": "order {order} was cancelled with {quantity} pieces already picked; put them back from {place}",
    "ship_refused": "order {order}: everything is picked and it cannot be shipped ({reason}); settle that, then ship it by hand",
    "mispick": "{station}: light {node} of {device} was pressed although it was not lit; check whether goods were taken from the wrong bin",
    "lamp_dead": "{station}: the light of bin {bin} does not answer ({reason}); {count} tasks are shown on the screens; mend the light",
    "lamps_away": "{station}: the lights of {device} are away ({reason}); {count} tasks are shown on the screens; look at the controller",
    "lamps_dead": "{station}: {count} of {tested} lamps stayed dark in the test: {bins}; mend them",
    "put_short": "{station}: {put} of {wanted} of item {item} put into slot {slot} for order {order}; look for the rest in the batch",
    "weight_wrong": "{station}: {subject} weighs {weight_g} g, expected {expected_g} g within {tolerance_g} g; open it and count",
    "lights_not_reached": "order {order}: zone {zone} of {site} has no gateway with lights; pick {count} tasks from the list",
    "label_not_printed": "{station}: {title} was not printed ({reason}); settle that, then print it again",
    "label_doubtful": "{station}: nobody knows whether {title} was printed ({reason}); look at the printer, and print it again only if it is not there",
    "command_failed": "{station}: command {command} was {outcome} ({reason}); do it by hand or ask again",
    "count_difference": "{place}: the count of {count} goods differs from the books, first item {item} by {difference}; "
    "somebody who did not count there must approve or reject it",
    "count_serials": "{place}: of item {item} {missing} serials are missing and {found} were found that the books have elsewhere or not at all, "
    "first {serial}; somebody who did not count there must approve or reject it",
    "tags_unknown": "{reader}: {count} tags were seen in the count that name no item or unit, first {first}; find what they are on",
    "package_weight_wrong": "{station}: package {sscc} of order {order} weighs {weight_g} g, expected {expected_g} g within {tolerance_g} g; open it and count",
    "package_foreign": "{station}: package {sscc} went out and is not on load {load}; take it off the vehicle, or add it to the load",
    "package_not_ready": "{station}: package {sscc} went out although it was not ready ({reason}); bring it back, or settle that and scan it again",
    "load_missing": "load {load}: vehicle {vehicle} left without {count} packages of its plan, first {first}; find them at {door} and send them after it",
    "carrier_address": "order {order}: package {sscc} cannot be sent with {carrier} ({reason}); correct the address, then it goes out by itself",
    "carrier_refused": "order {order}: {carrier} does not take package {sscc} ({reason}); settle that and try again, or choose another carrier",
    "carrier_unreachable": "package {sscc}: {carrier} gave no answer {attempts} times ({reason}); it is tried again by itself, call the carrier if it hurries",
    "carrier_cancel_refused": "package {sscc}: {carrier} does not take waybill {waybill} back ({reason}); call the carrier, or let it be delivered",
    "carrier_trouble": "package {sscc}: {carrier} tells trouble with waybill {waybill} ({reason}); call the customer or the carrier",
    "order_at_risk": "order {order} of {partner} must leave {site} by {due} and is {state}; release it now, or serve it first",
    "order_late": "order {order} of {partner} should have left {site} by {due} and is {state}; serve it first and tell the customer, or cancel it",
    "promise_broken": "order {order} of {partner}: {missing} of {promised} of item {item} promised for {day} from {site} are not there any more; "
    "promise them anew, send something else or the rest later",
    "hold_reserved": "cold room {station}: {quantity} of item {item} lot {lot} in {place} are reserved for orders while the room is out of limits; "
    "decide before they leave",
    "webhook_dead": "webhook endpoint {endpoint} does not take messages ({reason}); mend the receiver, then send its dead letters again",
    "loss_waits": "{place}: {quantity} of item {item} lot {lot} reported lost by {actor}, above the limit; a second person approves or refuses it",
    "near_expiry": "{site}: {quantity} of item {item} lot {lot} expire on {expiry}, in {days} days; sell, move or write them off",
    "transfer_short": "transfer {transfer}: {short} of item {item} at {site} were taken from it ({reason}) and no others are free; send less or wait",
    "serials_missing": "{station}: {quantity} pieces of item {item} came to {place} without their serials; scan each piece to release it from inspection",
    "pallet_cases_unread": "{station}: pallet {sscc} of ship notice {notice} passed in; {missing} of {expected} cases not seen, "
    "most likely weak tags, for such tags are often not read here; look at the pallet, then book them or accept",
    "pallet_cases_doubtful": "{station}: cases of pallet {sscc} of ship notice {notice} that perhaps came with it and perhaps not: {count}, first {first}; "
    "look at the pallet, then say whether they came",
    "pallet_wrong_door": "{station}: pallet {sscc} of ship notice {notice} was received here and is expected at {door}; "
    "leave it here and tell {door}, or take it there",
    "pallet_other_door": "{station}: pallet {sscc} of ship notice {notice} passed in here and is expected at {door}; receive it here, or bring it to {door}",
    "pallet_not_expected": "{station}: pallet {sscc} passed in and is not on the door's list {version}; receive it as seen, or send it away",
    "pallet_label_unread": "{station}: {case} passed in and belongs to pallet {sscc}, whose own label was not read; "
    "look at the pallet, then receive it as seen",
    "pallet_notice_late": "{station}: pallet {sscc} passed in before ship notice {notice} named it; receive it as seen, or say that it is not here",
    "pallet_two_doors": "pallet {sscc} was read at {first} ({first_dbm} dBm) and at {second} ({second_dbm} dBm) of {site} at the same time; "
    "look where it stands, then name the door",
    "pallet_goods_expired": "{station}: {quantity} of item {item} lot {lot} on pallet {sscc} of ship notice {notice} came after their last day {expiry}; "
    "they are kept apart as expired, send them back or write them off",
    "scan_wrong_lot": "{station}: {quantity} of item {item} were scanned with lot {lot}, ship notice {notice} announces lot {lots}; "
    "compare the label with the papers, then keep them or set them aside",
    "pallet_goods_damaged": "{place}: {quantity} of item {item} lot {lot} of pallet {sscc}, ship notice {notice}, came damaged ({reason}); "
    "claim them from the supplier, then write them off or send them back",
    "wrong_pallet_load": "{station}: wrong pallet {sscc} on the vehicle of load {load}: it belongs to load {other} at door {door}; "
    "take it out before it leaves",
    "wrong_pallet_unplanned": "{station}: wrong pallet {sscc} on the vehicle of load {load}: it is on no load; take it out before it leaves, or load it",
    "wrong_pallet_unknown": "{station}: wrong pallet {sscc} on the vehicle of load {load}: it is none of our packages; take it out before it leaves",
    "wrong_pallet_blocked": "{station}: pallet {sscc} went onto the vehicle of load {load} and may not leave ({reason}); take it out before it leaves",
    "pallet_loading_unclear": "{station}: it is not sure whether pallet {sscc} went onto the vehicle ({reason}); look where it stands; nothing was loaded",
    "load_label_missing": "{station}: goods with {count} tags went onto the vehicle of load {load} without a readable pallet label; scan the label by hand",
    "pallet_back": "{station}: pallet {sscc} came in again after its order was shipped; take it back as a return",
    "door_lamp_green": "{station}: the lamp let pallet {sscc} pass by list {had} although it may not leave (newest list {newest}); "
    "stop the vehicle, take it out",
    "door_lamp_red": "{station}: the lamp stopped pallet {sscc} by list {had} although it may leave (newest list {newest}); tell the driver that it is right",
    "door_list_long": "{station}: {count} pallets may pass, a list for the door holds {most}; the door is not checked; make smaller loads",
    "door_not_checked": "{station}: gateway {gateway} does not take the door's list ({reason}); its lamp stops no wrong pallet until that is mended",
    "scan_after_cancel": "{station}: {quantity} of item {item} lot {lot} were scanned for order {order}, which was cancelled meanwhile; "
    "they stand at {station}, bring them back to {bin}",
    "scan_task_moved": "{station}: {quantity} of item {item} lot {lot} were scanned for order {order}, which no longer takes them from {bin}; "
    "they stand at {station}, bring them back to {bin}",
    "scan_lot_blocked": "{station}: {quantity} of item {item} lot {lot} were scanned for order {order} and the lot was blocked meanwhile; "
    "set them aside at {station} and do not let them leave",
    "scan_twice": "{station}: {quantity} of item {item} lot {lot} were scanned for order {order} although {scanned} of its {owed} were scanned before "
    "at {places}; count both places and bring back to {bin} what is too many",
    "scan_unplanned": "{station}: {text} was scanned and no order takes such goods; find out what stands at {station} and put it back",
    "scan_lamp_red": "{station}: the lamp stopped {text} by list {had} although it is expected by now; let it go on",
    "scan_list_long": "{station}: {count} lines are expected, a list for a scan point holds {most}; scans are not checked there; name a zone, or close orders",
    "scans_not_checked": "{station}: gateway {gateway} does not take the list of what is expected ({reason}); its lamps say nothing until that is mended",
    "lights_unanswered": "{station}: gateway {gateway} did not answer, so {count} tasks may be dark; pick them at the screens, "
    "and see whether the gateway is connected",
    "pick_after_move": "{station}: {taken} of item {item} taken from bin {bin} for order {order} after its reservation was given up; put them back, "
    "or release the order again and take them for it",
    "pick_twice": "{station}: {taken} of item {item} were taken from bin {bin} for order {order} although {first} had answered the same task with as many; "
    "find out whether they were taken twice, count the bin",
    "epcis_notice_refused": "ship notice {notice} to {site} came by EPCIS and cannot be announced ({reason}); settle that, then enter the notice by hand",
    "gateway_outbox_lost": "gateway {gateway} has a new outbox (card replaced, lost or wiped) and these of the one before never came: {numbers}; "
    "compare what its stations handled since {since} with the books, and enter by hand what is missing",
    "gateway_outbox_harmed": "gateway {gateway}: {what}; compare what its stations handled last with the books",
    "gateway_image_restored": "an old image of gateway {gateway} was restored and these of the original never came: {numbers}; "
    "compare what its stations handled since {since} with the books, and enter by hand what is missing",
}
"""Every message that areas write, by its code."""


@dataclass(frozen=True)
class Message:
    """What to tell a person: `code` and `params` for pages that translate, `text` in English."""

    code: str
    params: dict[str, str | int | float]

    @property
    def text(self) -> str:
        """The English sentence."""
        return TEMPLATES[self.code].format(**self.params)


def message(code: str, **params: str | int | float) -> Message:
    """A message by its code.

    Raises: KeyError: the code or one of its parameters is missing: a mistake of the caller, found by the first test.
    """
    made = Message(code, params)
    assert made.text
    return made
