"""Every problem the API answers with: one table from code to HTTP status and sentences (RFC 9457; protocol 26).

A code is stable and documented at `/v1/problems/<code>`. `{0}`, `{1}`... are the code's values. The sentence
says the cause; the next step says what to do.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One kind of problem, in English and Chinese."""

    status: int
    title: str
    title_zh: str
    cause: str
    next_step: str


class Problem(Exception):
    """An answer that is a problem. `values` fill the type's sentence; `extra` members join the document."""

    def __init__(self, code: str, *values: object, **extra: object) -> None:
        super().__init__(code, *values)
        self.code = code
        self.values = values
        self.extra = extra

    @property
    def type(self) -> ProblemType:
        """The kind; a code the table lacks is a refusal of the chain all the same."""
        return PROBLEMS.get(self.code, PROBLEMS["refused-by-chain"])

    def document(self) -> dict[str, object]:
        """The problem document."""
        kind = self.type
        shown = [value.hex() if isinstance(value, bytes) else value for value in self.values]
        shown += ["?"] * 4
        return {
            "type": f"/v1/problems/{self.code}",
            "title": kind.title,
            "title_zh": kind.title_zh,
            "status": kind.status,
            "detail": f"{kind.cause.format(*shown)} {kind.next_step}",
            "code": self.code,
            **self.extra,
        }


def _problem(status: int, title: str, title_zh: str, cause: str, next_step: str) -> ProblemType:
    return ProblemType(status, title, title_zh, cause, next_step)


_AGAIN: Final = "Send the same request again with the same Idempotency-Key: it cannot take effect twice."
_SIGN: Final = "Encode the call again with transactions:encode and sign those bytes."
PROBLEMS: Final[dict[str, ProblemType]] = {
    # The request
    "body-malformed": _problem(400, "Malformed body", "请求体格式错误", "The body is not what this path takes: {0}.", "See /docs for the form."),
    "body-too-large": _problem(413, "Body too large", "请求体过大", "The body is over {0} bytes.", "Send it in parts."),
    "parameter-malformed": _problem(400, "Malformed parameter", "参数格式错误", "{0}.", "See /docs for the form."),
    "not-found": _problem(404, "Not found", "未找到", "There is nothing at {0}.", "See /docs for the paths."),
    "method-not-allowed": _problem(405, "Method not allowed", "方法不允许", "This path does not take {0}.", "See /docs."),
    "api-key-missing": _problem(401, "API key missing", "缺少 API 密钥", "This path needs an API key.", "Send the header Authorization: Bearer <key>."),
    "api-key-unknown": _problem(401, "API key unknown", "API 密钥无效", "The API key is unknown or revoked.", "Ask the operator for a key."),
    "key-not-allowed": _problem(403, "Key not allowed", "密钥无权限", "This API key has no account on {0} that may do this.", "Use the key of a tenant that has one."),
    "idempotency-conflict": _problem(409, "Idempotency-Key reused", "幂等键冲突", "This Idempotency-Key was used for another request.", "Use a new key for a new request."),
    "read-only": _problem(503, "Gateway is read-only", "网关只读", "The gateway was started without the vault's passphrase and can sign nothing.", "Start it with CERTNET_PASSPHRASE_FILE set; signed transactions are relayed all the same."),
    "id-malformed": _problem(400, "Malformed id", "编号格式错误", "{0}.", "Copy the id from the answer of the mint."),
    "address-malformed": _problem(422, "Malformed address", "地址格式错误", "{0}.", "Write addresses as this chain does."),
    "chain-unknown": _problem(404, "Unknown chain", "未知的链", "There is no chain {0}.", "GET /v1/chains lists the ten."),
    "class-unknown": _problem(404, "Unknown class", "未知的证书类", "There is no class {0} on this chain.", "GET /v1/classes lists them; POST /v1/classes defines one."),
    "schema-malformed": _problem(422, "Malformed class schema", "类模式格式错误", "{0}.", "See docs/class-schemas.md."),
    "schema-unknown": _problem(409, "Schema not held here", "本网关无该模式", "This gateway does not hold the schema of class {0}.", "Restore the vault that defined it, or mint with a signed transaction."),
    "content-invalid": _problem(422, "Content does not fit its class", "内容不符合类模式", "{0}.", "Correct the fields listed under 'fields'."),
    "csv-malformed": _problem(422, "Malformed CSV", "CSV 格式错误", "{0}.", "Correct the file; nothing was minted."),
    "rows-invalid": _problem(422, "Rows do not fit their class", "存在不合格的行", "{0} of {1} rows do not fit; nothing was minted.", "Correct the rows listed, or send skip_bad=true to leave them out."),
    "job-unknown": _problem(404, "Unknown job", "未知的任务", "There is no job {0} of this key.", "Use the id that the batch answered with."),
    "problem-unknown": _problem(404, "Unknown problem", "未知的问题类型", "There is no problem type {0}.", "GET /v1/problems lists them."),
    "bundle-malformed": _problem(422, "Malformed bundle", "证明包格式错误", "{0}.", "Fetch the proof again and keep it unedited."),
    "document-unknown": _problem(404, "No document here", "本网关无该文档", "This gateway holds no document for {0}.", "Ask whoever issued it; the ledger keeps its content root only."),
    "document-forbidden": _problem(403, "Document not yours", "无权读取文档", "Only the key of the account that issued or holds {0} reads its document.", "Use that key."),
    # The nodes
    "no-node": _problem(503, "No node reachable", "节点不可达", "No node of {0} can be reached.", "Look at `certnet status`; try again when nodes are up."),
    "node-not-believed": _problem(502, "Answer not proven", "应答未通过验证", "The only answers were not proven: {0}.", "Look at the nodes; nothing was taken on trust."),
    "not-final": _problem(503, "Not final in time", "未在时限内最终确认", "The transaction on {0} was not final within {1} s; its outcome is not known yet.", _AGAIN),
    "primary-unreachable": _problem(503, "Primary unreachable", "主节点不可达", "The primary of {0} cannot be reached, so the chain accepts no write now; reads go on.", "Try again when it is back."),
    "no-quorum": _problem(503, "No quorum", "达不到法定数量", "Fewer replicas of {0} are connected than a quorum, so the chain accepts no write now; reads go on.", "Try again when more nodes are up."),
    "queue-full": _problem(503, "Queue full", "队列已满", "The node's queue for {0} is full.", "Try again in a second."),
    "pool-full": _problem(503, "Pool full", "交易池已满", "The pool holds {0} transactions and takes no more.", "Try again in a second."),
    "height-out-of-reach": _problem(404, "Height out of reach", "高度不可用", "The state at height {0} cannot be proven; the head is {1}.", "Ask for a height of the last ten minutes."),
    "block-unknown": _problem(404, "Unknown block", "未知的区块", "There is no block {0}; the head is {1}.", "Ask for a lower height."),
    "transaction-unknown": _problem(404, "Unknown transaction", "未知的交易", "There is no transaction {0} on this chain.", "If it was just sent, ask again in a second."),
    # The transaction
    "transaction-malformed": _problem(422, "Malformed transaction", "交易格式错误", "The bytes are no signed transaction: {0}.", _SIGN),
    "transaction-too-large": _problem(413, "Transaction too large", "交易过大", "The transaction has {0} bytes, the chain takes {1}.", "Send less in one transaction."),
    "wrong-chain": _problem(422, "Wrong chain", "链不匹配", "The transaction is for {0}, not for {1}.", "Send it to its own chain."),
    "signature-invalid": _problem(422, "Invalid signature", "签名无效", "The signature is not that of the account {0} over this transaction on this network and chain.", _SIGN),
    "transaction-expired": _problem(410, "Transaction expired", "交易已过期", "The transaction was valid until {0}, and it is {1} now.", _SIGN),
    "valid-until-too-far": _problem(422, "valid_until too far ahead", "有效期过长", "valid_until is {0}; at most {1} is taken.", _SIGN),
    "transaction-waits-already": _problem(409, "Transaction waits already", "交易已在等待", "The transaction {0} waits already with another signature.", "Wait for its outcome."),
    "account-unknown": _problem(422, "Unknown account", "未知的账户", "There is no account {0} on this chain.", "Create it with POST /v1/accounts first."),
    "account-frozen": _problem(403, "Account frozen", "账户已冻结", "The account {0} is frozen.", "Ask its platform or the operator."),
    "method-unknown": _problem(422, "Unknown method", "未知的方法", "There is no method {0}.{1}.", "See docs/protocol.md, sections 15 to 19."),
    "arguments-malformed": _problem(422, "Malformed arguments", "参数格式错误", "The arguments are not what the method takes.", "See docs/protocol.md, sections 15 to 19."),
    # The contracts
    "refused-by-chain": _problem(422, "Refused by the chain", "链上拒绝", "The chain refuses the call: {0}.", "See docs/protocol.md, section 26."),
    "role-not-allowed": _problem(403, "Role not allowed", "角色无权限", "An account of role {0} may not do this.", "Use an account whose role may."),
    "leader-differs": _problem(422, "Leader DID differs", "上级 DID 不符", "A platform is led by the operator that creates it, not by {0}.", "Give the operator's DID as leader."),
    "public-key-malformed": _problem(422, "Malformed public key", "公钥格式错误", "The public key {0} is not in this chain's form.", "See docs/protocol.md, section 4."),
    "address-differs": _problem(422, "Address differs from key", "地址与公钥不符", "The address {0} does not follow from the public key.", "Derive it from the key."),
    "possession-not-proven": _problem(422, "Possession not proven", "未证明持有密钥", "The key did not sign its registration under {0}.", "Sign the registration bytes of docs/protocol.md, section 8.3."),
    "account-exists": _problem(409, "Account exists", "账户已存在", "There is an account {0} already.", "Choose another name or key."),
    "no-change": _problem(409, "Nothing to change", "无变化", "It is as asked already: {0}.", "Nothing is left to do."),
    "class-exists": _problem(409, "Class exists", "证书类已存在", "There is a class {0} already.", "Choose another class id."),
    "fields-repeat": _problem(422, "Fields repeat", "字段重复", "The class {0} names a field twice.", "Name each field once."),
    "not-class-issuer": _problem(403, "Not the class's issuer", "非该类的定义者", "Only the account that defined {0} may do this.", "Ask that account."),
    "not-granted": _problem(403, "Not a granted issuer", "无签发权限", "The account may not issue certificates of class {0}.", "Ask the class's issuer for a grant."),
    "token-exists": _problem(409, "Token id exists", "证书编号已存在", "There is a certificate of class {0} with token {1} already.", "Choose another token id, or none."),
    "token-repeats": _problem(422, "Token id repeats", "证书编号重复", "A token id stands twice in the batch of class {0}.", "Name each token once."),
    "holder-unknown": _problem(422, "Unknown holder", "未知的持有人", "There is no account {0} on this chain.", "Create the holder's account with POST /v1/accounts first."),
    "holder-frozen": _problem(403, "Holder frozen", "持有人已冻结", "The holder {0} is frozen.", "Ask its platform or the operator."),
    "validity-inverted": _problem(422, "Validity inverted", "有效期颠倒", "valid_until ({1}) is not after the start of validity ({0}).", "Give a later valid_until."),
    "certificate-unknown": _problem(404, "Unknown certificate", "未知的证书", "There is no certificate {1} of class {0}.", "Check the id."),
    "status-forbids": _problem(409, "Status forbids it", "当前状态不允许", "A certificate that is {0} cannot become {1}.", "Read its history."),
    "non-transferable": _problem(422, "Non-transferable", "不可转让", "Certificates never change hands: transfers and approvals are always refused.", "Revoke and issue anew instead."),
    "touched-recently": _problem(409, "Touched recently", "刚刚更新过", "The head is {0} ms old; a touch is taken from {1} ms.", "Use the head as it is."),
    "overloaded": _problem(503, "Overloaded", "服务繁忙", "The gateway is busy.", "Try again in a second."),
    "internal": _problem(500, "Internal error", "内部错误", "Something went wrong here; it has been logged as {0}.", _AGAIN),
}  # fmt: skip
