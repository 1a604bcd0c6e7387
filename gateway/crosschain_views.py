"""What stands between chains as the JSON that the API answers with: mirrors, moves, routes."""

from collections.abc import Mapping

from chain.rules import ChainRules
from chain.universal_id import CertificateName, class_uid, format_token
from contracts.mirrors import mirror_status_at
from gateway.arguments import show_record
from gateway.events import did_text
from gateway.journeys import state_word
from gateway.services.crossing import Mirrored
from gateway.services.moving import Moved
from gateway.services.routing import Route
from gateway.shown import address_text
from gateway.views import Json, written_view


def mirror_view(mirrored: Mirrored, now: int) -> Json:
    """What a chain knows of another's certificate; the status is as judged at `now`."""
    mirror, name = mirrored.mirror, mirrored.name
    view = {
        "id": name.path,
        "uid": name.universal,
        "chain": mirrored.chain.rules.chain_id,
        "status": str(mirror_status_at(mirror, now)),
        "judged_at": now,
        "source": {"chain": mirror.chain_id, "height": mirror.height, "time": mirror.time},
        "bound_s": mirror.bound_ms // 1_000,
        "issuer_did": did_text(mirror.certificate.issuer_did),
        "holder_did": did_text(mirror.certificate.holder_did),
        "content_root": mirror.certificate.content_root.hex(),
        "read_at_height": mirrored.height,
    }
    return view if mirrored.written is None else view | written_view(mirrored.written)


def move_view(moved: Moved) -> Json:
    """A move on both chains; `statement` is what the holder's DID signs to confirm it."""
    transfer, rules, target = moved.transfer, moved.chain.rules, moved.target.rules
    token, arrival = format_token(rules.profile.token_id_style, transfer.token), moved.arrival
    name = CertificateName(rules.chain_id, transfer.class_id, token)
    view = {
        "chain": rules.chain_id,
        "cross_id": transfer.cross_id.hex(),
        "id": name.path,
        "uid": name.universal,
        "holder": address_text(rules.addresses, transfer.holder),
        "to_chain": target.chain_id,
        "to": address_text(target.addresses, transfer.to),
        "fee": transfer.fee,
        "opened_at": transfer.opened_at,
        "deadline": transfer.deadline,
        "state": state_word(transfer.state),
        "code": transfer.code,
        "arrival": None if arrival is None else {name: getattr(arrival, name) for name in ("code", "height", "time")},
        "statement": show_record(target, moved.confirmation) | {"digest": moved.digest.hex()},
    }
    return view if moved.written is None else view | written_view(moved.written)


def route_view(rules: Mapping[str, ChainRules], route: Route) -> Json:
    """What can go from one chain to another; a class also under its universal id."""
    return {
        "use": route.use,
        "from": route.source,
        "to": route.target,
        "class": route.class_id,
        "uid": None if route.class_id is None else class_uid(route.source, 721, route.class_id),
        "issues": route.issues,
        "open": not route.code,
        "code": route.code,
        "fee": route.fee,
        "gas": route.gas,
        "gas_unit": rules[route.paid_on].profile.gas_unit,
        "paid_on": route.paid_on,
        "usual_ms": route.usual_ms,
        "observed": route.observed,
    }
