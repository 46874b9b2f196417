# One image for the whole desk and for each of its parts. The first stage installs; the second is what runs:
# no pip, no compilers, an ordinary user. The data folder is a volume.
FROM python:3.13-slim-trixie AS build

WORKDIR /src
RUN python -m venv /opt/deskbell
COPY requirements/run.txt requirements/run.txt
RUN /opt/deskbell/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY adapters adapters
COPY bot bot
COPY webui webui
COPY migrations migrations
RUN /opt/deskbell/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/deskbell/bin/pip uninstall --yes pip


FROM python:3.13-slim-trixie

RUN useradd --system --create-home --uid 10001 deskbell \
 && install -d -o deskbell -g deskbell -m 0700 /data
COPY --from=build /opt/deskbell /opt/deskbell

USER deskbell
WORKDIR /home/deskbell
ENV DESKBELL_HOST=0.0.0.0 \
    DESKBELL_DATA=/data \
    PATH=/opt/deskbell/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["deskbell"]
CMD ["run"]
