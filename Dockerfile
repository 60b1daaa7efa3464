# syntax=docker/dockerfile:1

# 1. Everything that is needed to compile.
FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json nest-cli.json ./
COPY src ./src
COPY proto ./proto
RUN npm run build && npm prune --omit=dev --ignore-scripts

# 2. Only what runs. Debian, because the embedded PostgreSQL needs glibc.
FROM node:24-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/proto ./proto
RUN mkdir -p /var/lib/weir && chown node:node /var/lib/weir
USER node
ENV WEIR_STORAGE_EMBEDDED_DATA_DIR=/var/lib/weir/postgres
ENV WEIR_JOURNAL_DATA_DIR=/var/lib/weir/journal
VOLUME /var/lib/weir
EXPOSE 50051 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8080/health/ready').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/cli/main.js"]
CMD ["serve"]
