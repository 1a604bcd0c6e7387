# One image for every process of the network; the command decides which one runs (docker-compose.yml).
# Nothing in it is secret: keys, certificates and the genesis document are made at the first start, in volumes.
ARG PYTHON_IMAGE=python:3.11-slim

FROM ${PYTHON_IMAGE} AS build
# A package index of your own: from the environment of whoever builds, and not in the image that is left.
ARG PIP_INDEX_URL
WORKDIR /app
# The packages first: they change seldom, and a change of the code alone does not install them again.
COPY pyproject.toml scripts/constraints.txt /build/
RUN python -c "import tomllib; print(*tomllib.load(open('/build/pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
      > /build/requirements.txt \
 && python -m venv --without-pip /opt/certnet \
 && pip --python /opt/certnet/bin/python install --quiet --no-cache-dir --disable-pip-version-check --root-user-action ignore \
      --only-binary :all: --constraint /build/constraints.txt --requirement /build/requirements.txt
COPY . .
# Compiled here, once: containers start sooner, and cannot write to their own code.
RUN pip --python /opt/certnet/bin/python install --quiet --no-cache-dir --disable-pip-version-check --root-user-action ignore \
      --no-deps --editable . \
 && rm -r certnet.egg-info \
 && python -m compileall -q --invalidation-mode unchecked-hash .

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="certnet" org.opencontainers.image.licenses="Apache-2.0"
# A volume takes the owner of the folder on which it is mounted first: every mount point belongs to the processes' user.
RUN useradd --uid 10001 --home-dir /network --no-create-home --shell /usr/sbin/nologin certnet \
 && install -d -m 0700 -o certnet -g certnet /node /network /network/ca /network/secrets /network/gateway /network/relayer /network/nodes \
      /network/nodes/beijing /network/nodes/shanghai /network/nodes/guangzhou /network/nodes/xian
COPY --from=build /opt/certnet /opt/certnet
COPY --from=build /app /app
ENV PATH=/opt/certnet/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CERTNET_DIR=/network
WORKDIR /app
USER certnet
CMD ["certnet", "--help"]
