"""Stand-in for pulumi-docker without Docker: a container is a local process with a loopback address of its own.

Simulated: networks and aliases with a dot (resolved when a container is created, so servers come before their
clients), named volumes and bind mounts (as host folders), uploads, published ports (always on 127.0.0.1), one-shot
containers, health checks, images by digest.

Only recorded, not simulated: limits of memory, processors and processes, GPUs and devices, capabilities, security
options, users and groups, read-only file systems and mounts, network isolation (what knows an address reaches it),
host names, restart policies (a process that ended is reported as gone, so the next `up` makes it anew), log drivers,
the pushing and pulling of images. What is not resolvable by text is not translated: a program that computes one of its
container's paths or names by itself finds the host's.
"""
