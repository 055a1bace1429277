# The registry, as a user without rights, on any glibc base with Python 3.10 or newer, its venv module, libstdc++ and
# certificates:
#   docker build --tag docker-registry-swift .
ARG BASE=docker.io/library/python:3.13-slim

FROM ${BASE} AS build
# What setup.cfg calls extras; `embedded` is the Swift of `demo` and `swift`.
ARG EXTRAS=registry,clouds,keystone
COPY . /src
# Without pip afterwards: nothing is to be installed in the image that serves.
RUN python3 -m venv /opt/registry \
    && /opt/registry/bin/pip install --no-cache-dir "/src[${EXTRAS}]" \
    && /opt/registry/bin/pip uninstall --yes pip

FROM ${BASE}
COPY --from=build /opt/registry /opt/registry
# The registry writes no file; /data is for the embedded Swift.
RUN install --directory --owner=65532 --group=65532 /data
ENV PATH=/opt/registry/bin:$PATH PYTHONDONTWRITEBYTECODE=1
# A number, so that Kubernetes' runAsNonRoot can judge it.
USER 65532:65532
EXPOSE 5000
ENTRYPOINT ["docker-registry-swift"]
CMD ["serve", "--config", "/etc/docker-registry/config.yml", "--host", "0.0.0.0"]
