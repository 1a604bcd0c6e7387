"""Drafts: a content checked, salted and kept here before anybody issues it, for issues that take several signatures.

Nothing is sent to a chain. Once the item is issued, the document is its certificate's; until then it can be erased.
"""

from dataclasses import dataclass

from contracts.editions import CreateEdition
from contracts.issuing import MintItem
from credentials.schema import ClassSchema
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import sender_of
from gateway.services.certificates import MintOrder, draw_document, draw_item
from gateway.services.classes import class_of, schema_of
from gateway.services.gateway import Gateway
from gateway.vault import Document, Tenant, erase_own_documents, keep_documents


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to be issued: an item of ddc721, or what creates an edition of ddc1155; and the document kept for it."""

    chain: Chain
    schema: ClassSchema
    item: MintItem | CreateEdition
    document: Document


async def draft(gateway: Gateway, tenant: Tenant, order: MintOrder) -> Draft:
    """Draw token id and salts, and keep the document; who may read it is the tenant's account and the holder's."""
    chain = gateway.chain(order.chain_id)
    issuer = sender_of(tenant, chain)
    schema = await schema_of(gateway, chain, order.class_id)
    drawn: tuple[MintItem | CreateEdition, Document]
    if (await class_of(gateway, chain, order.class_id)).standard == 1155:
        drawn = _draw_edition(chain, issuer, schema, order)
    else:
        drawn = draw_item(chain, issuer, schema, order)
    item, document = drawn
    await gateway.in_vault(lambda connection: keep_documents(connection, [document]))
    return Draft(chain=chain, schema=schema, item=item, document=document)


async def erase_draft(gateway: Gateway, tenant: Tenant, chain_id: str, class_id: str, token: str) -> None:
    """Forget every document that the tenant's accounts on the chain have drafted under the id, issued since or not."""
    issuers = tenant.accounts.get(gateway.chain(chain_id).rules.chain_id, ())
    erased = await gateway.in_vault(
        lambda connection: erase_own_documents(connection, chain_id, class_id, token, issuers)
    )
    if not erased:
        raise Problem("document-unknown", f"{chain_id}/{class_id}/{token}")


def _draw_edition(chain: Chain, issuer: str, schema: ClassSchema, order: MintOrder) -> tuple[CreateEdition, Document]:
    if order.holder is not None:
        raise Problem("parameter-malformed", "leave out 'holder': an edition has none, its holdings have")
    token, document = draw_document(chain, issuer, schema, order)
    item = CreateEdition(
        class_id=order.class_id,
        token=token,
        content_root=document.content_root,
        uri=order.uri,
        valid_from=order.valid_from,
        valid_until=order.valid_until,
        supersedes=None,
    )
    return item, document
