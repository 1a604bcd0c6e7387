"""Whether the gateway can serve."""

from typing import Any

from gateway.services.gateway import Gateway


def readiness(gateway: Gateway) -> dict[str, Any]:
    """Ready means: a quorum of nodes is connected. A vault without passphrase is read-only, which is said."""
    quorum = max(chain.membership.quorum for chain in gateway.chains)
    nodes = {link.name: "connected" if link.connected else link.problem for link in gateway.chains.links}
    connected = sum(link.connected for link in gateway.chains.links)
    return {
        "ready": connected >= quorum,
        "nodes": nodes,
        "quorum": quorum,
        "vault": "read-only" if gateway.seal is None else "open",
    }
