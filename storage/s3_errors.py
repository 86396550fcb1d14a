"""What errors of S3, and of the way to it, mean, and what to do about them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    UnseekableStreamError,
)
from botocore.parsers import ResponseParserError

from lineage.errors import Unavailable

__all__ = ["code_of", "refused", "status_of", "unreached"]

_CREDENTIALS: Final = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role"
_BUSY: Final = "it asks for fewer requests: try again later"
_REGION: Final = "the bucket is in another region: set AWS_REGION to that one"
_FULL: Final = "it is full, or a quota is used up: free some space or raise it"
_TROUBLE: Final = "it has trouble of its own: try again later"
# What a person does about a code. The second part: whether only other settings will help.
_ADVICE: Final[Mapping[str, tuple[str, bool]]] = {
    "InvalidAccessKeyId": ("it does not know the access key: look at AWS_ACCESS_KEY_ID", True),
    "XAdminUserNotFound": ("it does not know the access key: look at AWS_ACCESS_KEY_ID", True),
    "SignatureDoesNotMatch": (
        "the secret does not fit the access key: look at AWS_SECRET_ACCESS_KEY",
        True,
    ),
    "InvalidToken": ("the session token is wrong: renew the credentials", False),
    "ExpiredToken": ("the session token has expired: renew the credentials", False),
    "NoSuchBucket": ("there is no such bucket: make it, or correct its name", True),
    "RequestTimeTooSkewed": (
        "its clock and this machine's differ by more than 15 minutes: set this machine's clock",
        False,
    ),
    "AuthorizationHeaderMalformed": (_REGION, True),
    "AuthorizationQueryParametersError": (_REGION, True),
    "IllegalLocationConstraintException": (_REGION, True),
    "PermanentRedirect": (_REGION, True),
    "TemporaryRedirect": (_REGION, False),
    "NotImplemented": ("it cannot do that: use a store that can", True),
    "MethodNotAllowed": ("it does not allow that: is the bucket read-only?", True),
    "InvalidObjectState": ("the object is archived: keep these objects out of archives", False),
    "RequestTimeout": ("bytes came too slowly: try again", False),
    "BadDigest": ("bytes changed on the way: try again", False),
    "IncompleteBody": ("bytes were lost on the way: try again", False),
    "InsufficientStorage": (_FULL, False),
    "QuotaExceeded": (_FULL, False),
    "XMinioStorageFull": (_FULL, False),
    "SlowDown": (_BUSY, False),
    "SlowDownRead": (_BUSY, False),
    "SlowDownWrite": (_BUSY, False),
    "RequestLimitExceeded": (_BUSY, False),
    "Throttling": (_BUSY, False),
    "ThrottlingException": (_BUSY, False),
    "TooManyRequests": (_BUSY, False),
    "InternalError": (_TROUBLE, False),
    "ServiceUnavailable": (_BUSY, False),
    "301": (_REGION, True),
    "404": ("what answers there is no S3: look at its endpoint", True),
    "429": (_BUSY, False),
    "500": (_TROUBLE, False),
    "502": (_TROUBLE, False),
    "503": (_BUSY, False),
    "504": (_TROUBLE, False),
    "507": (_FULL, False),
}
_DENIED: Final = {"AccessDenied", "AccountProblem", "AllAccessDisabled", "403"}
_PERMISSIONS: Final[Mapping[str, str]] = {
    "DeleteObjects": "s3:DeleteObject, and s3:DeleteObjectVersion on a versioned bucket",
    "GetBucketVersioning": "s3:GetBucketVersioning",
    "GetObject": "s3:GetObject",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListObjectVersions": "s3:ListBucketVersions",
    "ListObjectsV2": "s3:ListBucket",
    "PutObject": "s3:PutObject",
}


def code_of(answer: Mapping[str, Any]) -> str:
    """The code of an error answer, such as NoSuchKey; the status where it has no words."""
    return str(answer.get("Error", {}).get("Code", ""))


def status_of(answer: Mapping[str, Any]) -> int:
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def refused(operation: str, code: str, message: str, place: str) -> Unavailable:
    """What the store's refusal of an operation means; `place` is the bucket, for people."""
    if code in _DENIED:
        permission = _PERMISSIONS.get(operation, operation)
        return _settings(
            f"{place} refuses {operation}: allow this access key {permission} ({code})"
        )
    words = " ".join(message.split())
    said = f"{code}: {words:.200}" if words and words != code else code
    advice, needs_settings = _ADVICE.get(code, ("look at its log and at its settings", False))
    text = f"{place} refuses {operation}: {advice} ({said})"
    return _settings(text) if needs_settings else Unavailable(text)


def unreached(exc: Exception, place: str) -> Unavailable:
    """What it means that no answer came, or none that could be read."""
    match exc:
        case ClientError():
            error = exc.response.get("Error", {})
            message = str(error.get("Message", ""))
            return refused(exc.operation_name, code_of(exc.response), message, place)
        case NoCredentialsError() | PartialCredentialsError():
            return _settings(f"{place}: no credentials are there: {_CREDENTIALS}")
        case CredentialRetrievalError():
            return Unavailable(f"{place}: no credentials are to be had: {_CREDENTIALS}")
        case SSLError():
            return _settings(
                f"{place}: TLS fails: say http:// or https:// as the store does, and name its"
                f" authority's certificate in AWS_CA_BUNDLE ({_words(exc)})"
            )
        case UnseekableStreamError():  # boto3 was sent elsewhere, and cannot send bytes twice
            return refused("PutObject", "PermanentRedirect", "", place)
        case ProxyConnectionError():
            return Unavailable(f"{place}: the proxy fails: look at HTTPS_PROXY and NO_PROXY")
        case ConnectTimeoutError() | EndpointConnectionError():
            return Unavailable(
                f"{place} cannot be reached: start it, or look at its endpoint and the network"
            )
        case ReadTimeoutError():
            return Unavailable(f"{place} does not answer: try again, or look at its log")
        case ResponseParserError():
            return Unavailable(f"{place}: the answer makes no sense: look at its endpoint")
        case BotoCoreError():
            return Unavailable(f"{place}: the request failed: {_words(exc)}")
    return Unavailable(f"{place}: the connection broke: try again ({type(exc).__name__})")


def _settings(text: str) -> Unavailable:
    return Unavailable(text, reason="settings")


def _words(exc: Exception) -> str:
    """What it says, without the query of a URL, which may be a secret."""
    return re.sub(r"\?\S*", "", " ".join(str(exc).split()))[:300]
