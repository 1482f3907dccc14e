"""Whose request it is: the account of an assumed role's key, and this account for every other key.

Moto either answers for one account only, or takes every key that it did not issue for another account's.
"""

from __future__ import annotations

from typing import Any

from sandbox.token_review import ACCOUNT_ID


def apply() -> None:
    """Let people of other accounts ask too: a peer requests a connection under its own number."""
    from moto.core.responses import BaseResponse
    from moto.iam.models import iam_backends

    def get_current_account(self: Any) -> str:
        for number, account in list(iam_backends.items()):
            if any(self.access_key in backend.access_keys for backend in list(account.values())):
                return number
        return ACCOUNT_ID

    setattr(BaseResponse, get_current_account.__name__, get_current_account)
