"""The Kubernetes stand-in: a Pulumi provider for package `kubernetes` that works on a real API server.

It does what the official plugin does for typed resources and custom resources: server-side apply, dry runs at preview,
replacement of what cannot change, readiness, deletion until gone. Refused by name: `helm.sh`, `yaml`, `kustomize`,
`*Patch` and `*List` types, client-side apply, rendering to a directory, `pulumi.com/waitFor`.
Not simulated: Ingress readiness, waiting for custom resources, reading inputs back at refresh, deprecation warnings,
client certificates from exec credential plugins, auth-provider sections of a kubeconfig, proxies.
"""
