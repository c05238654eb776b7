# Pilotlight for production: one image, two roles (`web` and `worker`). It holds no data: mount a volume at /data.
#
#   docker build -t pilotlight .
#   docker run -p 127.0.0.1:8501:8501 -v pilotlight:/data pilotlight run     # both roles and the demo, on one machine
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.txt ./
# OCR asks for the OpenCV build with windows, which wants system libraries that a server lacks (see Makefile).
RUN python -m venv /opt/pilotlight \
    && /opt/pilotlight/bin/pip install -r requirements.txt \
    && /opt/pilotlight/bin/pip uninstall --yes opencv-python \
    && /opt/pilotlight/bin/pip install --no-deps --force-reinstall \
        "opencv-python-headless==$(sed -n 's/^opencv-python==//p' requirements.txt)"

FROM python:${PYTHON}
RUN groupadd --gid 10001 pilotlight \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin pilotlight \
    && install -d -o 10001 -g 10001 /data
COPY --from=build /opt/pilotlight /opt/pilotlight
WORKDIR /app
COPY app.py requirements.txt ./
COPY .streamlit ./.streamlit
COPY core ./core
COPY pages ./pages
COPY demo ./demo
COPY starters ./starters
# Everything that changes lies under /data and /tmp, so that the root may be mounted read-only. Inside the container the
# app listens on all addresses: which of them the outside reaches is what `-p` or a Service says.
ENV PATH=/opt/pilotlight/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    HOME=/data HF_HOME=/data/huggingface MPLCONFIGDIR=/tmp/matplotlib \
    PILOTLIGHT_DATA_DIR=/data/var PILOTLIGHT_INDEX_DIR=/data/indexes \
    PILOTLIGHT_HOST=0.0.0.0 PILOTLIGHT_PORT=8501 PILOTLIGHT_LOG_FORMAT=json
USER 10001:10001
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 CMD ["python", "-m", "core", "healthy"]
ENTRYPOINT ["python", "-m", "core"]
CMD ["web"]
