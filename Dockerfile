# Two stages: Debian 12 builds the static binary, an empty image runs it.
#   docker build -t weir . && docker run --rm -p 8080:8080 weir
# Mount a site over /site and keep /data:  docker run -v "$PWD":/site:ro -v weir-data:/data -p 8080:8080 weir
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends git make ca-certificates
WORKDIR /weir
COPY scripts/install-deps scripts/
RUN scripts/install-deps && apt-get install -y --no-install-recommends tzdata modsecurity-crs
COPY . .
RUN make -j"$(nproc)" && build/weir version
# What the empty image needs around the binary: an owner for /data, certificates where the static OpenSSL looks, time
# zones for dates, the OWASP rules with their licence.
RUN mkdir -p /out/data /out/tmp /out/etc /out/usr/lib/ssl /out/usr/share /out/usr/share/doc/modsecurity-crs \
 && cp build/weir /out/weir && cp -r content-example /out/site && rm -rf /out/site/public /out/site/cache \
 && cp -L /etc/ssl/certs/ca-certificates.crt /out/usr/lib/ssl/cert.pem \
 && cp -r /usr/share/modsecurity-crs /out/usr/share/ \
 && cp /usr/share/doc/modsecurity-crs/copyright /out/usr/share/doc/modsecurity-crs/ \
 && cp -a /usr/share/zoneinfo /out/usr/share/zoneinfo && rm -rf /out/usr/share/zoneinfo/right /out/usr/share/zoneinfo/posix \
 && printf 'weir:x:65532:65532::/data:/weir\n' >/out/etc/passwd \
 && chown -R 65532:65532 /out/data && chmod 1777 /out/tmp

FROM scratch
LABEL org.opencontainers.image.title="weir" \
      org.opencontainers.image.description="Builds Markdown into a site and serves it, cached, guarded and synced, from one binary" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.revision="$REVISION" org.opencontainers.image.source="$SOURCE"
COPY --from=build /out/ /
USER 65532:65532
WORKDIR /site
ENV PORT=8080 WEIR_CACHE_DIR=/data/cache WEIR_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s CMD ["/weir", "healthcheck"]
ENTRYPOINT ["/weir"]
CMD ["serve"]
