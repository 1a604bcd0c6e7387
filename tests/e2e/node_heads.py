"""Run inside the gateway's container: what every node itself says of its chains, as JSON on standard output.

{node: {chain: [height, digest of the head]}}
"""

import asyncio
import json
from pathlib import Path

from chain.rpc import ReadStatus, StatusAnswer
from gateway.clients.node_link import NodeLink, client_context
from gateway.settings import Settings, load_settings

PATIENCE_S = 10
Heads = dict[str, tuple[int, str]]


async def heads_of(settings: Settings, place: int) -> Heads:
    """Ask one node over a link of our own."""
    pin = settings.genesis.membership.replicas[place].tls_key_digest
    context = client_context(settings.folder)
    link = NodeLink(place, settings.nodes[place], pin, settings.genesis.network_id, context)
    link.start()
    try:
        await asyncio.wait_for(link.up.wait(), PATIENCE_S)
        answer = await link.ask(lambda number: ReadStatus(request=number))
    finally:
        link.stop()
    assert isinstance(answer, StatusAnswer)
    return {chain.chain_id: (chain.height, chain.head.hex()) for chain in answer.chains}


async def main() -> None:
    """All nodes, one after the other."""
    settings = load_settings(Path("/network/gateway"))
    replicas = settings.genesis.membership.replicas
    print(json.dumps({replica.name: await heads_of(settings, place) for place, replica in enumerate(replicas)}))


asyncio.run(main())
