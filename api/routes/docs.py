"""The description of this API: OpenAPI for programs, a page for people, both open to everyone."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse

from api import answers, documents, holds, impacts, plans
from api import schemas as schemas_module
from api.parameters import json_response

__all__ = ["router"]

router = APIRouter(include_in_schema=False)

# The page loads nothing from anywhere else: it works without an internet, and leaks nothing.
_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline';"
    " script-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)


@router.get("/")
def welcome() -> Response:
    return json_response(
        {"name": "lineage", "docs": "/api/v1/docs", "openapi": "/api/v1/openapi.json"}
    )


@router.get("/api/v1/docs")
def page() -> Response:
    text = Path(__file__).with_name("docs.html").read_text(encoding="utf-8")
    return HTMLResponse(text, headers={"Content-Security-Policy": _POLICY})


@router.get("/api/v1/openapi.json")
def openapi(request: Request) -> Response:
    app = request.app
    if app.openapi_schema is None:
        app.openapi_schema = _describe(app.title, app.version, app.routes)
    content = orjson.dumps(app.openapi_schema)
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return Response(content, media_type="application/json", headers={"ETag": tag})


def _describe(title: str, version: str, routes: Any) -> dict[str, Any]:
    schema = get_openapi(
        title=title,
        version=version,
        routes=routes,
        description="Lineage of machine learning runs and artifacts.",
    )
    schemes = schema.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["bearer"] = {"type": "http", "scheme": "bearer"}
    schemes["basic"] = {"type": "http", "scheme": "basic", "description": "user `api`"}
    schema["security"] = [{"bearer": []}, {"basic": []}]
    for path in ("/healthz", "/readyz", "/metrics"):
        schema["paths"][path]["get"]["security"] = []
    _restore_examples(schema["components"]["schemas"])
    return schema


def _restore_examples(schemas: dict[str, Any]) -> None:
    """Put the examples back as they were written: FastAPI leaves out whatever is null."""
    for module in (answers, documents, holds, impacts, plans, schemas_module):
        for name, described in vars(module).items():
            config = getattr(described, "__pydantic_config__", None)
            config = config or getattr(described, "model_config", {})
            if name in schemas and "json_schema_extra" in config:
                schemas[name] |= config["json_schema_extra"]
