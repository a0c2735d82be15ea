# tenantry alone: one static program, the certificates that it trusts, and nothing else, so that there is nothing else to keep up to
# date. There is no git in it: `--base`, `check --staged` and a base that git took back want a tenantry beside a git.
#
#   docker build -t tenantry .
#   docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/work" tenantry check
#
# Rust's own Alpine image builds for musl, so that the program is static on x86-64 and on arm64 alike.
FROM rust:1.95.0-alpine3.22 AS build
# ring has parts in C.
RUN apk add --no-cache build-base
WORKDIR /build
COPY . .
RUN cargo build --release --locked --bin tenantry && ./target/release/tenantry --version

FROM scratch
# What the system trusts is what tenantry trusts; it brings no certificates of its own.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /build/target/release/tenantry /tenantry
# Nobody: without a home, no token is kept. `--user` names whoever the files in /work belong to.
USER 65534:65534
WORKDIR /work
ENTRYPOINT ["/tenantry"]
