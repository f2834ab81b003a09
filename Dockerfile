# The relay as an image. docker build -t holdfast:0.1.0 .
#   docker run -e HOLDFAST_SITE_ID=... -e HOLDFAST_API_KEY=... -e HOLDFAST_LISTEN_HOST=0.0.0.0 \
#     -e HOLDFAST_LISTEN_ALLOW_REMOTE=true -p 127.0.0.1:8484:8484 -v holdfast:/data holdfast:0.1.0

FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No script of a dependency runs: the compiler needs none, and Node is in the image.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npx tsc -p tsconfig.build.json

FROM node:24-slim AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts
# What the outboxes in Redis and in Postgres need, which the package leaves to its users; as the lock file has it.
RUN npm install --save-prod --save-exact --omit=dev --ignore-scripts bullmq@6.7.0 ioredis@6.0.0 pg@8.23.1

FROM node:24-slim
# The user `node` of the image. By number, so that Kubernetes sees that it is not root.
RUN install -d -o 1000 -g 1000 -m 0700 /data
WORKDIR /app
COPY --from=dependencies /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY package.json LICENSE ./
USER 1000:1000
# One helper thread of V8 instead of four: on a machine of few cores four of them take the processors from the requests.
ENV NODE_ENV=production \
    NODE_OPTIONS=--v8-pool-size=1 \
    HOLDFAST_DATA_DIR=/data \
    HOLDFAST_OPS_HOST=0.0.0.0 \
    HOLDFAST_OPS_PORT=8486
VOLUME /data
EXPOSE 8484 8486
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8486/readyz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["relay"]
