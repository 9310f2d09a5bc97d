import type { ScheduleOrder } from './schedule-order.ts';

/** What keeps `npm ci` from making a project that synthesizes. */
export function installWarnings({ project }: ScheduleOrder, isProduction: boolean): string[] {
  return [
    ...(project.hasLock ? [] : ['npm ci needs a package-lock.json: run npm install and commit it']),
    ...(isProduction && project.devOnly.length > 0
      ? [
          `the image holds only production dependencies, and the stacks need ${project.devOnly.join(', ')}: move it to "dependencies"`,
        ]
      : []),
  ];
}
