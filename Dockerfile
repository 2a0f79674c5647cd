# syntax=docker/dockerfile:1

# The tag is pinned to a patch release; append @sha256:... to pin the bytes as well.
ARG PYTHON_IMAGE=python:3.12.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
RUN python -m venv /opt/driftline
ENV PATH=/opt/driftline/bin:$PATH
# Dependencies first: this layer is built again only when the lock file changes. Wheels only, so no compiler is needed.
# The lock file is complete, so nothing is resolved (pip would stumble over pandas[parquet], an extra of a pinned name);
# `pip check` below proves that nothing is missing.
COPY requirements.lock .docker/build-requirements.lock ./
RUN pip install --require-hashes --no-deps --only-binary=:all: --requirement requirements.lock
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY monitor monitor
COPY alerts alerts
# The tool that builds our own wheel is pinned by hash, too; it goes again, and so does pip.
RUN pip install --require-hashes --no-deps --only-binary=:all: --requirement build-requirements.lock \
    && pip install --no-deps --no-build-isolation --no-index . \
    && pip check \
    && pip uninstall --yes setuptools pip

FROM ${PYTHON_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Driftline" \
      org.opencontainers.image.description="Drift and performance monitoring for machine-learning models" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The uid is fixed, so that volumes keep their owner from one image to the next. /data is all that is written to, besides
# /tmp: run with --read-only --tmpfs /tmp. An empty named volume takes over the owner of the folder that it is mounted on.
RUN groupadd --gid 10001 driftline \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin driftline \
    && install --directory --owner=driftline --group=driftline /data /etc/driftline /etc/driftline/models /etc/driftline/rules
COPY --from=build /opt/driftline /opt/driftline
ENV PATH=/opt/driftline/bin:$PATH \
    HOME=/data \
    DRIFTLINE_CONFIG=/etc/driftline \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    MPLBACKEND=Agg \
    MPLCONFIGDIR=/tmp/matplotlib \
    DO_NOT_TRACK=1
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8484
STOPSIGNAL SIGTERM
# Right for every role that serves HTTP; one-shot commands end before the first check.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8484/healthz', timeout=4)"]
ENTRYPOINT ["driftline"]
CMD ["run"]
