import type { ScheduleOrder } from './schedule-order.ts';

/** Where the project lies in the image, and whose uid runs it there. */
export const APP = '/app';
export const NODE_UID = 1000;

/** The local record and the sandbox. */
const KEPT = 'state .keyturn';

/** Code and packages are root's, and what runs is the user `node`: it can change neither. */
export function dockerfileText(order: ScheduleOrder, ssh: boolean): string {
  const file = `${order.name}.Dockerfile`;
  const client = `RUN apt-get update && apt-get install -y --no-install-recommends openssh-client \\
    && rm -rf /var/lib/apt/lists/*
`;
  return `# ${file}: keyturn and this project; build it in the project.
# Build it anew now and then, with --pull: that brings the fixes of the base.
ARG NODE_IMAGE=node:24-bookworm-slim
FROM \${NODE_IMAGE}
ENV NODE_ENV=production
WORKDIR ${APP}
${ssh ? client : ''}COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts
COPY . .
# A tmpfs takes the mode of what it hides, a volume its owner.
RUN mkdir -p cdktf.out ${KEPT} && chmod 1777 cdktf.out && chown node:node ${KEPT}
USER node
ENTRYPOINT ["node", ${JSON.stringify(order.program)}]
`;
}

/** Beside the Dockerfile and named after it, where BuildKit finds it; relative to the project. */
export function ignoreText(order: ScheduleOrder): string {
  return `# ${order.name}.Dockerfile.dockerignore: what does not belong into the image.
**/node_modules
**/.git
cdktf.out
.keyturn
state
**/.env*
**/*.pem
**/*.key
`;
}
