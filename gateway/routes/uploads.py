"""Files of rows as they are uploaded: raw CSV or JSON lines with query parameters, or a form."""

from typing import Any, Final

from fastapi import Request
from starlette.datastructures import FormData, UploadFile

from gateway.errors import Problem
from gateway.services.jobs import BatchOrder
from gateway.tables import Table, read_csv, read_json_lines

_PARAMETERS: Final = {
    "chain": {"type": "string"},
    "class": {"type": "string"},
    "holder": {"type": "string", "description": "for rows without a column @holder"},
    "skip_bad": {"type": "boolean", "default": False, "description": "leave out rows that do not fit"},
}
OPENAPI_BODY: Final[dict[str, Any]] = {
    "parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in _PARAMETERS.items()],
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/x-ndjson": {"schema": {"type": "string"}},
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file", "chain", "class"],
                    "properties": {"file": {"type": "string", "format": "binary"}, **_PARAMETERS},
                }
            },
        },
    },
}

OPENAPI_BULK_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"body": "<hex>", "signature": "<128 hex digits>"}\n',
            },
            "application/msgpack": {"schema": {"type": "string", "format": "binary"}},
        },
    },
}


async def read_upload(request: Request) -> BatchOrder:
    """The order in a request, whichever way it came."""
    kind = request.headers.get("content-type", "").split(";")[0].strip()
    parameters: dict[str, Any] = dict(request.query_params)
    if kind == "multipart/form-data":
        async with request.form(max_files=1, max_fields=10) as form:
            return _order(parameters | dict(form), await _file(form))
    body = await request.body()
    if kind in ("application/x-ndjson", "application/jsonl"):
        return _order(parameters, read_json_lines(body))
    if kind == "text/csv":
        return _order(parameters, read_csv(body))
    raise Problem(
        "body-malformed", f"its type is {kind[:60]!r}; send text/csv, application/x-ndjson or multipart/form-data"
    )


async def _file(form: FormData) -> Table:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Problem("body-malformed", "the form has no file")
    data = await file.read()
    return read_json_lines(data) if (file.filename or "").endswith((".jsonl", ".ndjson")) else read_csv(data)


def _order(parameters: dict[str, Any], table: Table) -> BatchOrder:
    for name in ("chain", "class"):
        if not isinstance(parameters.get(name), str):
            raise Problem("parameter-malformed", f"give the {name} of the certificates")
    skip_bad = str(parameters.get("skip_bad", "false")).lower()
    if skip_bad not in ("true", "false", "1", "0"):
        raise Problem("parameter-malformed", "skip_bad is true or false")
    return BatchOrder(
        chain_id=parameters["chain"],
        class_id=parameters["class"],
        holder=parameters.get("holder") or None,
        table=table,
        skip_bad=skip_bad in ("true", "1"),
    )
