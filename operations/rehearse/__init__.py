"""The rehearsal: real Pulumi engine, policies, gateway and model on one machine; AWS and Docker are stood in for."""
