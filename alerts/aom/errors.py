"""What can go wrong on the way to AOM?

AomError                 anything below
├── DeploymentError      the deployment file, or what it refers to, cannot be used: where, what is there, what may be
└── CallError            a call to a service of Huawei Cloud failed
    ├── RefusedError     the credentials were not accepted, or may not do this
    ├── RejectedError    the service understood who asks, and does not take what was asked
    └── UnreachableError no answer, or none but "later", after some tries
"""

from __future__ import annotations

__all__ = ["AomError", "CallError", "DeploymentError", "RefusedError", "RejectedError", "UnreachableError"]


class AomError(Exception):
    """Base of what this room raises; the message says what, where, and how to fix it."""


class DeploymentError(AomError):
    """The deployment file cannot be used; one line for each fault."""


class CallError(AomError):
    """A call to the cloud failed."""


class RefusedError(CallError):
    """Wrong credentials, or credentials that may not do this."""


class RejectedError(CallError):
    """The service does not take what was sent, and trying again would change nothing.

    Attributes:
        code: the service's own code of the error, such as `AOM.02021062`.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class UnreachableError(CallError):
    """The service did not answer, or put us off until we gave up."""
