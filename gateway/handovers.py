"""How the gateway learns of a change of membership: from any node, and on nobody's word (protocol 11.3, 12.4)."""

from chain.rpc import HANDOVERS_MAX, HandoversAnswer, ReadHandovers
from gateway.clients.node_link import NodeLink
from gateway.trust import Trust


async def catch_up(trust: Trust, chain_id: str, link: NodeLink) -> None:
    """Take the hand-overs that this node shows, as far as they are certified; `NodeUnreachable` if it is lost."""
    more = True
    while more:
        after = trust.height
        answer = await link.ask(lambda n, after=after: ReadHandovers(request=n, chain_id=chain_id, after=after))  # type: ignore[misc]
        if not isinstance(answer, HandoversAnswer):
            return
        for handover in answer.handovers:
            if trust.learn(handover) is not None:
                return
        more = len(answer.handovers) == HANDOVERS_MAX
