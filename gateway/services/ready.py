"""Whether the gateway can serve."""

from typing import Any

from gateway.services.gateway import Gateway


def readiness(gateway: Gateway) -> dict[str, Any]:
    """Ready means: a quorum of nodes is connected. A vault without passphrase is read-only, which is said."""
    membership = gateway.chains.genesis.membership
    nodes = {
        membership.replicas[link.replica].name: "connected" if link.connected else link.problem
        for link in gateway.chains.links
    }
    connected = sum(link.connected for link in gateway.chains.links)
    return {
        "ready": connected >= membership.quorum,
        "nodes": nodes,
        "quorum": membership.quorum,
        "vault": "read-only" if gateway.seal is None else "open",
    }
