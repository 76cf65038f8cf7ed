# syntax=docker/dockerfile:1
# The server without a bundle, whose folder compose.yaml mounts read-only. For an image with one:
#   FROM newstance:0.1.0
#   COPY bundle bundle

FROM python:3.11-slim-trixie AS build
WORKDIR /build
RUN python -m venv --without-pip /opt/newstance
# First what changes seldom. Wheels only: nothing that is fetched is run while it is installed.
COPY docker/runtime.txt docker/runtime.txt
RUN pip --python /opt/newstance/bin/python install --no-cache-dir --no-deps --only-binary :all: -r docker/runtime.txt
COPY pyproject.toml README.md LICENSE ./
COPY src src
# Without dependencies: those of the package are for training, and what serving needs of them is there already.
RUN pip --python /opt/newstance/bin/python install --no-cache-dir --no-deps .

FROM python:3.11-slim-trixie
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin newstance
COPY --from=build /opt/newstance /opt/newstance
ENV PATH=/opt/newstance/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /srv/newstance
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
ENTRYPOINT ["newstance"]
# Without keys (--keys FILE or NEWSTANCE_API_KEYS) it refuses to start, since others can reach it.
CMD ["serve", "--host", "0.0.0.0"]
