"""The AWS stand-in: a Pulumi provider for package `aws` that refuses what AWS refuses and keeps the rest.

Every resource is kept in `.cloister/aws/resources.json`; those whose data plane is used exist in a moto server as well.
Not simulated: evaluation of IAM, key and endpoint policies; real networks and name resolution; time an operation takes
and states that settle later; quotas and prices; the EKS control plane (the Kubernetes API is a real kube-apiserver,
nodes are objects without machines); log delivery; packets, connections, health checks, certificates' validity,
answers to queries of names; anything AWS checks that neither botocore's service models nor `judgements.py` say.
"""
