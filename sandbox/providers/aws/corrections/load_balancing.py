"""Load balancers: network ones are named as such, protected ones stay, and a listener's certificate can change."""

from __future__ import annotations

from typing import Any

from components.catalog.regions import partition


def apply() -> None:
    """Correct moto's backend of Elastic Load Balancing."""
    from moto.elbv2.models import ELBv2Backend

    for correct in (_creation, _deletion, _listener_creation, _listener_change, _health_check):
        correct(ELBv2Backend)


def _creation(backend: Any) -> None:
    """Moto gives every balancer an application balancer's ARN, and takes any security group and a name twice."""
    from moto.elbv2.exceptions import DuplicateLoadBalancerName, ELBClientError, InvalidConfigurationRequest

    make = backend.create_load_balancer

    def create_load_balancer(self: Any, *, name: str, tags: Any = None, **given: Any) -> Any:
        if any(known.name == name for known in self.load_balancers.values()):
            raise DuplicateLoadBalancerName
        for group in given.get("security_groups") or []:
            if self.ec2_backend.get_security_group_from_id(group) is None:
                raise ELBClientError("InvalidSecurityGroup", f"Security group {group} does not exist")
        made = make(self, name=name, tags=None, **given)
        zones = [subnet.availability_zone for subnet in made.subnets]
        if len(zones) != len(set(zones)):
            del self.load_balancers[made.arn]
            raise InvalidConfigurationRequest("A load balancer cannot be attached to multiple subnets in the same zone")
        if made.type == "network":
            del self.load_balancers[made.arn]
            made.arn = made.arn.replace(":loadbalancer/app/", ":loadbalancer/net/")
            self.load_balancers[made.arn] = made
        domain = partition(self.region_name).dns_suffix
        made.dns_name = f"{name}-{made.arn.rsplit('/', 1)[-1]}.elb.{self.region_name}.{domain}"
        self.tagging_service.tag_resource(made.arn, tags)
        return made

    backend.create_load_balancer = create_load_balancer


def _deletion(backend: Any) -> None:
    """AWS keeps a protected balancer and one behind an endpoint service; with another go its listeners."""
    from moto.ec2.models import ec2_backends
    from moto.elbv2.exceptions import ELBClientError, ResourceInUseError

    delete = backend.delete_load_balancer

    def delete_load_balancer(self: Any, arn: str) -> None:
        balancer = self.load_balancers.get(arn)
        if balancer is not None:
            if str(balancer.attrs.get("deletion_protection.enabled")).lower() == "true":
                why = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
                raise ELBClientError("OperationNotPermitted", why)
            services = ec2_backends[self.account_id][self.region_name].configurations.values()
            if any(arn in service.network_load_balancer_arns for service in services):
                why = f"Load balancer '{arn}' cannot be deleted because it is currently associated with another service"
                raise ResourceInUseError(why)
            for listener in list(balancer.listeners):
                self.delete_listener(listener)
        delete(self, arn)

    backend.delete_load_balancer = delete_load_balancer


def _listener_creation(backend: Any) -> None:
    """A port has one listener, and one that speaks TLS needs a certificate and a policy that exist."""
    from moto.elbv2.exceptions import DuplicateListenerError, ELBClientError, ValidationError
    from moto.elbv2.ssl_policies import SSL_POLICIES

    make = backend.create_listener

    def create_listener(self: Any, **given: Any) -> Any:
        balancer = self.load_balancers.get(given["load_balancer_arn"])
        if balancer is not None and any(str(one.port) == str(given["port"]) for one in balancer.listeners.values()):
            raise DuplicateListenerError
        if given["protocol"] in ("TLS", "HTTPS"):
            if not given.get("certificate"):
                raise ValidationError(f"A certificate must be specified for {given['protocol']} listeners")
            if given["ssl_policy"] not in SSL_POLICIES:
                raise ELBClientError("SSLPolicyNotFound", f"Policy {given['ssl_policy']} not found")
        return make(self, **given)

    backend.create_listener = create_listener


def _listener_change(backend: Any) -> None:
    """Moto refuses TLS in a change, and takes no new certificate for it."""
    from moto.elbv2.exceptions import ELBClientError

    modify = backend.modify_listener

    def modify_listener(
        self: Any, arn: str, port: Any, protocol: str | None, ssl_policy: Any, certificates: Any, actions: Any
    ) -> Any:
        tls = protocol == "TLS"
        listener = modify(self, arn, port, None if tls else protocol, ssl_policy, certificates, actions)
        if tls:
            listener.protocol = "TLS"
        if listener.protocol == "TLS" and certificates:
            chosen = certificates[0]["CertificateArn"]
            if not self._certificate_exists(certificate_arn=chosen):
                raise ELBClientError("CertificateNotFound", f"Certificate {chosen} not found")
            listener.certificate, listener.certificates = chosen, [chosen]
        return listener

    backend.modify_listener = modify_listener


def _health_check(backend: Any) -> None:
    """Moto changes the accepted answers of HTTP target groups only; those of a TLS group are checked by HTTPS too."""
    modify = backend.modify_target_group

    def modify_target_group(self: Any, arn: str, *given: Any, **named: Any) -> Any:
        group = modify(self, arn, *given, **named)
        codes = given[7] if len(given) > 7 else named.get("http_codes")
        if codes and group.health_check_protocol in ("HTTP", "HTTPS"):
            group.matcher = {"HttpCode": codes}
        return group

    backend.modify_target_group = modify_target_group
