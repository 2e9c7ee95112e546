"""What went wrong on shared storage, told from what its libraries raise: a code, a sentence of ours, and a remedy.

Libraries quote addresses, headers and keys in their messages, so that nothing of a message is passed on: only the name
of an error and the code a service gave it.
"""

from __future__ import annotations

import errno
import re
from typing import Any, NamedTuple

from data.store.errors import StorageError
from data.store.vocabulary import StorageFault

__all__ = ["CREDENTIALS", "PACKAGES", "code_of", "explained"]

# What has to be installed for a scheme.
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "hf": "huggingface_hub"}
# Where each library looks for credentials; docs/storage.md has the rest.
CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for another service than Amazon's also"
    " AWS_ENDPOINT_URL",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS to the file of a service account",
    "az": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    "abfs": "AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN",
    "hf": "HF_TOKEN",
}
_AWAY_STATUS = {"408", "429", "500", "502", "503", "504"}
# Names of the classes of errors, since the packages they come from may not be installed: botocore, aiohttp, Azure's
# and Google's libraries, httpx, fsspec.
_REFUSED = {
    "NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound",
    "TokenRetrievalError", "SSOTokenLoadError", "UnauthorizedSSOTokenError", "DefaultCredentialsError", "RefreshError",
    "ClientAuthenticationError", "GatedRepoError", "LocalTokenNotFoundError",
}  # fmt: skip
_AWAY = {
    "EndpointConnectionError", "HTTPClientError", "ConnectionError", "ClientConnectionError", "ClientPayloadError",
    "ServiceRequestError", "ServiceResponseError", "TransportError", "FSTimeoutError", "TimeoutError", "IncompleteRead",
    "ResponseStreamingError", "IncompleteReadError", "gaierror",
}  # fmt: skip
_MISSING = {"RepositoryNotFoundError", "EntryNotFoundError", "ResourceNotFoundError"}
_CODES = {
    **dict.fromkeys(("NoSuchBucket", "ContainerNotFound"), StorageFault.NO_BUCKET),
    **dict.fromkeys(("NoSuchKey", "BlobNotFound", "404"), StorageFault.MISSING),
    **dict.fromkeys(("InvalidObjectState", "BlobArchived"), StorageFault.ARCHIVED),
    **dict.fromkeys(
        ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "401", "403",
         "RequestTimeTooSkewed", "TokenRefreshRequired", "AuthenticationFailed", "AuthorizationFailure"),
        StorageFault.REFUSED,
    ),
    **dict.fromkeys(
        ("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "ServerBusy",
         *_AWAY_STATUS),
        StorageFault.AWAY,
    ),
}  # fmt: skip
_CODE = re.compile(r"[A-Za-z0-9]{3,40}")  # as services write them; anything else is not shown


class _Words(NamedTuple):
    what: str
    remedy: str


_WORDS = {
    StorageFault.AWAY: _Words(
        "The storage cannot be reached or does not answer",
        "Check the address and the network, and try again: nothing was changed by halves.",
    ),
    StorageFault.REFUSED: _Words("The storage refused us", "Set {credentials}, and see that they may do this."),
    StorageFault.NO_BUCKET: _Words("There is no such bucket", "Check its name, or make it."),
    StorageFault.MISSING: _Words("The storage has no such file", "Check the path."),
    StorageFault.ARCHIVED: _Words("The file is archived and cannot be read", "Restore it first, or remove it."),
    StorageFault.TOO_LARGE: _Words("The file is larger than it may be", "Look what it is, and remove it."),
    StorageFault.FULL: _Words("The storage has no space left", "Free some, and try again."),
    StorageFault.FAILED: _Words("The storage could not do what it was asked", "Look into its log."),
}


def explained(error: BaseException | StorageFault, scheme: str, where: str) -> StorageError:
    """The error that says what happened at ``where``, an address without credentials.

    Args:
        error: what a library raised, or the fault where we saw it ourselves.
        scheme: of the storage, as ``s3``; it decides what the remedy names.
        where: what is named to the user.
    """
    fault, code = (error, "") if isinstance(error, StorageFault) else (_fault_of(error), code_of(error))
    name = code or ("" if isinstance(error, StorageFault) else type(error).__name__)
    words = _WORDS[fault]
    remedy = words.remedy.format(credentials=CREDENTIALS.get(scheme, "the rights of this user"))
    if fault is StorageFault.REFUSED and scheme not in CREDENTIALS:
        remedy = "See that this user may do it."
    shown = where if fault in (StorageFault.MISSING, StorageFault.TOO_LARGE) or not name else f"{where}: {name}"
    return StorageError(words.what, where=shown, remedy=remedy, code=fault)


def _fault_of(error: BaseException) -> StorageFault:
    by_code = _CODES.get(code_of(error))
    if by_code is not None:
        return by_code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFault.FULL
    names = {name for each in _chain(error) for name in (base.__name__ for base in type(each).__mro__)}
    # Those that refuse first: RepositoryNotFoundError and the like are connection errors to their libraries.
    if names & _REFUSED or isinstance(error, PermissionError):
        return StorageFault.REFUSED
    if isinstance(error, FileNotFoundError | NotADirectoryError) or names & _MISSING:
        return StorageFault.MISSING
    return StorageFault.AWAY if names & _AWAY else StorageFault.FAILED


def code_of(error: BaseException) -> str:
    """What the service called it, as ``NoSuchBucket``, or its HTTP status; empty where neither is known."""
    for each in _chain(error):
        response: Any = getattr(each, "response", None)
        if isinstance(response, dict):
            code = str(response.get("Error", {}).get("Code", ""))
        else:
            code = str(getattr(each, "error_code", None) or getattr(each, "code", None) or _status(each, response))
        if _CODE.fullmatch(code):
            return code
    return ""


def _status(error: BaseException, response: Any) -> str:
    status = getattr(response, "status_code", None) or getattr(error, "status", None)
    return str(status) if isinstance(status, int) else ""


def _chain(error: BaseException) -> list[BaseException]:
    """An error and what it came from, at most four."""
    chain = [error]
    while len(chain) < 4 and (before := chain[-1].__cause__) is not None:
        chain.append(before)
    return chain
