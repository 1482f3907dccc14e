"""Certificates that a listener uses cannot be deleted; which ones do is read from the listeners."""

from __future__ import annotations

from typing import Any


def apply() -> None:
    """Correct moto's backend of the Certificate Manager, which notes a use when it begins and never when it ends."""
    from moto.acm.exceptions import AWSValidationException
    from moto.acm.models import AWSCertificateManagerBackend

    class ResourceInUse(AWSValidationException):
        TYPE = "ResourceInUseException"

    delete = AWSCertificateManagerBackend.delete_certificate

    def delete_certificate(self: Any, arn: str) -> None:
        if users := _listeners_of(self, arn):
            raise ResourceInUse(f"Certificate {arn} in account {self.account_id} is in use by {', '.join(users)}")
        delete(self, arn)

    setattr(AWSCertificateManagerBackend, delete.__name__, delete_certificate)


def _listeners_of(backend: Any, certificate: str) -> list[str]:
    from moto.elbv2.models import elbv2_backends

    balancers = elbv2_backends[backend.account_id][backend.region_name].load_balancers.values()
    return [
        listener.arn
        for balancer in balancers
        for listener in balancer.listeners.values()
        if certificate in listener.certificates
    ]
