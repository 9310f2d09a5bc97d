import type { Hooks } from '../model/hooks.ts';

/**
 * In place of what a stack declares to be done outside: runs nothing, asks nobody, and each line says so. A drill must
 * not revoke anything real or alarm anybody, and what checks real values cannot know those of the sandbox.
 */
export function sandboxHooks(): Hooks {
  const line = (text: string): Promise<string> => Promise.resolve(`not done in the sandbox: ${text}`);
  return {
    revoke: ({ argv }) => line(`"${argv[0] ?? ''}" would revoke it`),
    prove: () => line('it would be tried where it is checked'),
    effect: ({ name }) => line(name),
    smoke: async ({ argv }) => ({ proof: await line(`"${argv.join(' ')}" would try it`), output: '' }),
  };
}
