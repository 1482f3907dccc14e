"""The plugin that Pulumi starts for package `docker`."""

from sandbox.providers.docker.provider import DockerProvider
from sandbox.providers.serve import serve

if __name__ == "__main__":
    serve(DockerProvider())
