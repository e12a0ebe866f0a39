"""What can go wrong with a service of Huawei Cloud?"""

from __future__ import annotations


class AccountError(Exception):
    """The environment does not say what is needed; the message names the variables."""


class CloudError(Exception):
    """A service did not do what it was asked; the message says what it said, without any secret."""


class UnreachableError(CloudError):
    """There was no answer: a wrong address, a network that does not lead there, or a service that is down."""


class RefusedError(CloudError):
    """The service answered, and refused."""
