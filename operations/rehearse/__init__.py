"""The rehearsal: the real Pulumi engine, policies, gateway and model on one machine, with stand-ins for AWS and Docker."""
